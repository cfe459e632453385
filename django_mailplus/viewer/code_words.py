"""The words around the numbers of a mail, by what they say about a number beside them.

A word is in one kind only. Phrases of two kinds, such as "zip code", are in `codes`.
"""

# ruff: noqa: RUF001 - Cyrillic and full-width letters are meant

from __future__ import annotations

__all__ = ["ENDINGS", "KINDS"]

_WORDS = {
    # n: names a code
    "n": """
        code codes passcode passcodes pin pins otp kode
        tan mtan einmalpasswort einmalkennwort pincode
        código códigos codigo codigos codice codici
        kod kodu kodem kody kodów код кода коду кодом коды
        验证码 驗證碼 校验码 校驗碼 动态码 認証碼 确认码 確認碼 安全码 授权码
        認証コード 確認コード 検証コード 認証番号 確認番号 パスコード ワンタイムパスワード コード
        인증번호 인증코드 확인코드 보안코드 일회용비밀번호 코드
        """,
    # m: is one only with a word of proving beside it: "verification number"
    "m": """
        number numbers password nummer passwort kennwort wachtwoord
        número numero numéro contraseña clave passe senha numer hasło hasła номер пароль
        """,
    # g: proving who one is, which is what codes are for
    "g": """
        verification verify verifying security authentication authenticate login log-in log
        signin sign-in sign signing one-time onetime time confirm continue access reset
        unlock activate activation register registration finish complete proceed backup
        bestätigung bestätigen anmelden anmeldung einloggen verifizieren verifizierung
        sicherheit fortzufahren anzumelden abzuschließen einmaliges zurückzusetzen
        verificación verificacion verificar acceso acceder iniciar sesión seguridad
        confirmación confirmar continuar entrar uso
        vérification vérifier sécurité connexion connecter confirmer usage d'accès
        d'authentification d'activation continuer
        verifica verificare accesso accedere sicurezza conferma confermare monouso attivazione
        verificatie verifiëren inloggen loggen aanmelden bevestigen bevestiging eenmalig eenmalige
        weryfikacyjny weryfikacji dostępu logowania zalogować potwierdzić potwierdzający
        jednorazowe jednorazowy aktywacyjny autoryzacyjny bezpieczeństwa
        verificação acesso acessar segurança confirmação único ativação
        подтверждения проверки доступа входа одноразовый подтвердить войти
        """,
    # i: says that one is the other
    "i": """
        is are as ist sind lautet lauten als est sont comme es son como è sono come
        é são is luidt zijn jest brzmi jako это = 是 为 為 は 는 은
        """,
    # t: does so in Polish, and in English it does not
    "t": "to",
    # d: joins a name and what it is for
    "d": "of for für zur zum de del du do da di des à pour para per van von voor dla для",
    # v: asks to type what follows
    "v": """
        use enter type input insert provide verwenden verwende nutzen nutze geben gib
        utilice introduzca introduce ingrese ingresa utilisez saisissez entrez tapez
        usa usi inserisci inserisca digiti utilizza gebruik voer vul typ
        wpisz podaj użyj wprowadź digite insira informe введите используйте
        输入 輸入 入力 입력
        """,
    # l: makes a code one for a shop
    "l": """
        promo promotional promotion discount voucher coupon gift referral checkout off
        rabatt gutschein rabattcode gutscheincode aktionscode gutscheinnummer
        descuento promocional cupón réduction promotionnel cadeau parrainage remise
        sconto promozionale buono korting kortingscode actiecode waardebon
        rabatowy promocyjny zniżki desconto cupom промокод купон скидку
        优惠码 折扣码 優惠碼 クーポンコード クーポン 쿠폰 할인
        """,
    # x: makes a code another one: "zip code", "código postal"
    "x": """
        zip postal post error status country area qr bar dress source http exit response tax
        colour color bank sort swift branch product item conduct practice
        fehler erreur d'erreur barres barre barras fiscal fiscale postale errore erro
        pocztowy błędu kreskowy ошибки エラー バー 错误 錯誤 오류 우편
        """,
    # o: the number is theirs
    "o": """
        order orders invoice receipt ticket reference ref id no nr num n nº № customer client
        member membership tel phone telephone call fax room page case model flight version
        suite box amount total sum price serial sku tracking parcel booking reservation
        extension ext ending sent postcode barcode unicode copyright
        bestellung rechnung kunde kundin telefon zimmer seite postleitzahl plz betrag summe
        fehlercode statuscode ländercode strichcode qr-code referenz vorgang aktenzeichen
        pedido factura cliente teléfono habitación página importe referencia cp
        commande facture téléphone tél chambre montant référence réf dossier
        ordine fattura telefono pagina importo totale cap
        bestelling factuur klant telefoon kamer pagina bedrag foutcode landcode
        zamówienie zamówienia faktura faktury klient klienta pokój strona kwota
        fatura telefone quarto valor cep заказ заказа счет счёт клиент телефон индекс
        订单号 订单 邮编 邮政编码 郵遞區號 电话 郵便番号 注文番号 電話番号 주문번호 우편번호 전화번호
        """,
    # u: the number counts these
    "u": """
        minute minutes min mins hour hours hrs h seconds sec days weeks months years people
        users guests members points times words lines characters digits bytes kb mb gb px
        pixels km kg m miles items copies percent pm am
        minuten stunden sekunden tage uhr personen punkte mal zeichen
        minutos horas segundos días personas puntos veces heures secondes jours personnes fois
        minuti ore secondi giorni persone punti uur seconden dagen mensen punten
        minut minuty godzin godziny sekund dni osób punktów razy dias pessoas pontos
        минут минуты часов часа секунд дней
        分钟 分鐘 小时 小時 分 時間 秒 年 月 天 人 분 시간 초 명 년 @
        """,
    # c: money, before the number or after it
    "c": """
        eur euro euros usd gbp chf pln zł dollars pounds brl r$ рублей руб
        € $ £ ¥ ₽ ₩ % 円 元 원
        """,
    # What sentences are made of: their ends, pauses, and a colon.
    ".": ". ! ? ; 。 ！ ？",
    ",": ", ， 、",
    ":": ": ：",
    "-": "- – —",
}

KINDS = {word: kind for kind, words in _WORDS.items() for word in words.split()}

# Of the compounds in German and Dutch, unless they are above.
ENDINGS = (
    (("code", "codes", "-pin", "-tan"), "n"),
    (("nummer", "passwort", "wachtwoord"), "m"),
)
