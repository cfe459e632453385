"""How mails say their code, language by language, and what else a number may be.

The wordings are of our own, in the ways that providers use.
"""

# ruff: noqa: RUF001 - Cyrillic and full-width letters are meant

from __future__ import annotations

from email.message import EmailMessage

import pytest

from django_mailplus.viewer import codes_in, view
from django_mailplus.viewer.code_words import _WORDS, KINDS


def seen(text=None, html=None, subject="Hello"):
    message = EmailMessage()
    message["Subject"] = subject
    if text is not None:
        message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return view(message.as_bytes())


CODES = [
    # English: before the code, after it, and around it.
    ("en", "Your one-time password is 482913.", "482913"),
    ("en", "Your one time password is 482913.", "482913"),
    ("en", "Your one-time passcode: 482 913", "482913"),
    ("en", "Use 482913 to sign in.", "482913"),
    ("en", "Use 4829 to log in to Acme.", "4829"),
    ("en", "To finish signing in, enter 482913 in the app.", "482913"),
    ("en", "Please enter 482913 to confirm your address.", "482913"),
    ("en", "482913 to sign in to Acme", "482913"),
    ("en", "To sign in to Acme: 482913", "482913"),
    ("en", "Verification number: 482913", "482913"),
    ("en", "verification code 482913", "482913"),
    ("en", "VERIFICATION CODE: 482913", "482913"),
    ("en", "code:482913", "482913"),
    ("en", "Your code (482913) works once.", "482913"),
    ("en", "Your Acme code – 482913", "482913"),
    ("en", "482913 - your Acme verification code", "482913"),
    ("en", "482913 is your Acme sign-in code", "482913"),
    ("en", "Use 482913 as your Acme security code", "482913"),
    ("en", "Your code for customer 10042 is 482913", "482913"),
    ("en", "Your code for signing in on another device is 4829", "4829"),
    ("en", "OTP for your login is 482913. It works for 10 minutes.", "482913"),
    ("en", "Your security code is:\n\n    4829\n", "4829"),
    ("en", "Your code\n(it works for 10 minutes)\n\n482913\n", "482913"),
    ("en", "Your verification code\n482913", "482913"),
    ("en", "Your PIN is 2048", "2048"),
    ("en", "2048 is your PIN", "2048"),
    ("en", "Code: **482913**", "482913"),
    ("en", "The code is “482913”.", "482913"),
    ("en", "Code 1234 5678", "12345678"),
    ("en", "Code: 4 8 2 9 1 3", "482913"),
    (
        "en",
        "The verification code that you need to sign in to your account at the\nAcme shop is 482913.",
        "482913",
    ),
    # Letters.
    ("en", "Code: a7f3k9", "a7f3k9"),
    ("en", "Your code is a7f3k9.", "a7f3k9"),
    ("en", "Your code: aB3xY9", "aB3xY9"),
    ("en", "Your code:\n\na7f3k9\n", "a7f3k9"),
    ("en", "Your code: QWERTZ", "QWERTZ"),
    ("en", "Enter this code: ABCD-EFGH", "ABCDEFGH"),
    ("en", "Your device code\n\nABCD-EFGH\n", "ABCDEFGH"),
    ("en", "Recovery code: 1a2b-3c4d", "1a2b3c4d"),
    ("en", "Recovery code: 1a2b3-c4d5e", "1a2b3c4d5e"),
    ("en", "ABC-123 is your code", "ABC123"),
    ("en", "G-123456 is your verification code.", "123456"),
    ("en", "Your verification code is G-123456", "123456"),
    ("en", "Your sign-in code is F4TQ2", "F4TQ2"),
    ("en", "PIN number: 4829", "4829"),
    # Several.
    ("en", "Your codes are 123456 and 654321.", "123456 654321"),
    ("en", "Backup codes: 12345678, 23456789, 34567890", "12345678 23456789 34567890"),
    ("en", "Your backup codes:\n1234-5678\n2345-6789", "12345678 23456789"),
    # German.
    ("de", "Ihr Bestätigungscode lautet 482913", "482913"),
    ("de", "Ihr Einmalpasswort: 482913", "482913"),
    ("de", "482913 ist Ihr Sicherheitscode.", "482913"),
    ("de", "Geben Sie 482913 ein, um sich anzumelden.", "482913"),
    ("de", "Dein Code für Acme ist 482913", "482913"),
    ("de", "Zugangscode:\n\n482 913", "482913"),
    ("de", "Ihre TAN lautet 482913.", "482913"),
    ("de", "Ihre Einmal-PIN: 4829", "4829"),
    # Spanish.
    ("es", "Su código de verificación es 482913", "482913"),
    ("es", "Tu codigo de acceso es: 4829", "4829"),
    ("es", "482913 es su código de seguridad", "482913"),
    ("es", "Introduzca 482913 para iniciar sesión", "482913"),
    ("es", "Clave de un solo uso: 482913", "482913"),
    ("es", "Código de verificación 4829", "4829"),
    # French.
    ("fr", "Votre code de vérification est 482913", "482913"),
    ("fr", "Votre code est le suivant : 482 913", "482913"),
    ("fr", "482913 est votre code d’accès", "482913"),
    ("fr", "Saisissez 482913 pour vous connecter", "482913"),
    ("fr", "Mot de passe à usage unique : 482913", "482913"),
    # Italian.
    ("it", "Il suo codice di verifica è 482913", "482913"),
    ("it", "482913 è il tuo codice di accesso", "482913"),
    ("it", "Inserisci 482913 per accedere", "482913"),
    # Dutch.
    ("nl", "Uw verificatiecode is 482913", "482913"),
    ("nl", "482913 is je inlogcode", "482913"),
    ("nl", "Je eenmalige wachtwoord is 482913", "482913"),
    ("nl", "Gebruik 482913 om in te loggen", "482913"),
    # Polish.
    ("pl", "Twój kod weryfikacyjny to 482913", "482913"),
    ("pl", "Kod dostępu: 4829", "4829"),
    ("pl", "482913 to kod do serwisu Acme", "482913"),
    ("pl", "Hasło jednorazowe: 482913", "482913"),
    ("pl", "Wpisz 482913, aby się zalogować", "482913"),
    # Portuguese.
    ("pt", "Seu código de verificação é 482913", "482913"),
    ("pt", "482913 é o seu código de acesso", "482913"),
    ("pt", "Digite 482913 para entrar", "482913"),
    ("pt", "Senha de uso único: 482913", "482913"),
    # Further ones.
    ("ru", "Ваш код подтверждения: 482913", "482913"),
    ("ru", "482913 — ваш код для входа", "482913"),
    ("ru", "Код 4829", "4829"),
    ("zh", "您的验证码是482913，10分钟内有效。", "482913"),
    ("zh", "验证码：482913", "482913"),
    ("zh", "驗證碼為 482913", "482913"),
    ("zh", "482913是您的验证码", "482913"),
    ("ja", "認証コード：482913", "482913"),
    ("ja", "確認コードは482913です。", "482913"),
    ("ja", "482913 はあなたの確認コードです", "482913"),
    ("ko", "인증번호는 482913입니다.", "482913"),
    ("ko", "인증번호 [482913]", "482913"),
    ("ko", "인증 코드: 482913", "482913"),
    # Beside the code, something else.
    ("en", "Your code is 482913. It is valid for 1440 minutes.", "482913"),
    ("en", "Customer 10042: the code is 482913.", "482913"),
    ("en", "Your login code is 482913.\n\nAcme Inc.\n10117\nBerlin", "482913"),
    ("en", "Total: 1200 EUR\nCode: 482913\nPromo code: SAVE20", "482913"),
    ("en", "Your PIN is 4829. Questions? Call 0800 123456.", "4829"),
    ("de", "Kundennummer: 100421\nIhr Code: 482913\nPLZ 10117", "482913"),
    ("ja", "注文番号 100421 の認証コード：482913", "482913"),
    # Codes of a shop, if there is no other.
    ("en", "Your promo code: SAVE20", "SAVE20"),
    ("en", "Use code SUMMER20 at checkout", "SUMMER20"),
    ("en", "Gift card: ABCD-EFGH-1234", "ABCDEFGH1234"),
    ("de", "Ihr Rabattcode lautet SOMMER20", "SOMMER20"),
    ("fr", "Votre code promo : ETE2026X", "ETE2026X"),
    ("es", "Código de descuento: VERANO20", "VERANO20"),
]

NONE = [
    ("en", "Your code is valid for 1440 minutes."),
    ("en", "With the code it costs 1200 EUR."),
    ("en", "With the code it is EUR 1200, or $1500, or 1400€."),
    ("en", "Customer 10042 has no code."),
    ("en", "Customer number\n10042\n\nThe code is in another mail."),
    ("en", "Your zip code is 90210."),
    ("en", "Zip code: 90210"),
    ("en", "90210 is your zip code"),
    ("en", "postcode 10117"),
    ("en", "Error code 50012"),
    ("en", "The error code is 5001."),
    ("en", "Status code: 4040"),
    ("en", "Scan the QR code 123456"),
    ("en", "Country code 4912"),
    ("en", "The dress code for 1200 guests"),
    ("en", "The code of conduct, 123456 characters"),
    ("en", "We sent a code to 10042."),
    ("en", "We sent a code to 0151 1234567."),
    ("en", "For help with your code: +49 30 1234567"),
    ("en", "For help with your code: +4930 123456"),
    ("en", "The code was made in 2024 and 2025-2026."),
    ("en", "Codes until 2026-11-22, 12:30, 1.200,50"),
    ("en", "The card with the number 4242 needs no code."),
    ("en", "Order ID: 482913"),
    ("en", "Your booking code is G7X9Q2"),
    ("de", "PLZ: 10117, Ihr Code folgt"),
    ("en", "Login ID: 482913"),
    ("en", "Phone number: 482913"),
    ("en", "4711 is your order number"),
    ("en", "#482913 has the code"),
    ("en", "The code of 123456@example.com"),
    ("en", "Code: see below."),
    ("en", "Your code: none"),
    ("en", "ENTER THIS CODE NOW AND SAVE MORE"),
    ("en", "THE CODE: IMPORTANT INFORMATION"),
    ("en", "2026"),
    ("en", "The code expires on 20261122"),
    ("en", "Use 1200 words to confirm that you are human."),
    ("en", "1234 5678 9012 3456 is no code"),
    ("en", "Code DE12 3456 7890 1234"),
    ("de", "Der Code gilt 1440 Minuten."),
    ("de", "Postleitzahl 10117, Code folgt"),
    ("de", "Fehlercode 5001"),
    ("de", "Kundennummer 482913"),
    ("de", "Ihr Code kommt um 1830 Uhr."),
    ("es", "Código postal 28013"),
    ("es", "Código de error: 5001"),
    ("fr", "Code postal : 75001"),
    ("fr", "Code d'erreur 5001"),
    ("it", "Codice postale 00184"),
    ("it", "Il codice vale 1440 minuti"),
    ("nl", "De code is 1440 minuten geldig"),
    ("nl", "Foutcode 5001"),
    ("pl", "Kod pocztowy 12345"),
    ("pl", "Kod jest ważny 1440 minut"),
    ("pt", "O código é válido por 1440 minutos"),
    ("pt", "Código de erro 5001"),
    ("ru", "Код ошибки 5001"),
    ("ru", "Код действует 1440 минут"),
    ("zh", "验证码1440分钟内有效"),
    ("zh", "错误代码 5001"),
    ("ja", "郵便番号 1234567"),
    ("ja", "エラーコード 5001"),
    ("ko", "우편번호 12345"),
    ("ko", "오류 코드 5001"),
]


@pytest.mark.parametrize(("language", "text", "codes"), CODES)
def test_a_code_is_found_however_a_mail_says_it(language, text, codes):
    assert codes_in(seen(text)) == tuple(codes.split())


@pytest.mark.parametrize(("language", "text"), NONE)
def test_what_is_something_else_is_no_code(language, text):
    assert codes_in(seen(text)) == ()


def test_the_subject_is_a_line_above_the_text():
    assert codes_in(seen("a7f3k9", subject="Your code")) == ("a7f3k9",)
    assert codes_in(seen("10042\n\nBye", subject="482913 is your code")) == ("482913",)


def test_a_word_says_one_thing():
    kinds = [set(words.split()) for words in _WORDS.values()]
    assert sum(map(len, kinds)) == len(KINDS)


@pytest.mark.parametrize(
    "run",
    [
        "1",
        "1 ",
        "1-",
        "a-",
        "1a",
        "1-a",
        "4829 ",
        "code ",
        "code 4829 ",
        "4829, ",
        "(1234)",
        "G-",
        "+1 ",
        "码",
        "http://",
        "@",
        "A",
        ":A",
        "n\n",
        "1.",
        "x" * 50 + "\n",
    ],
)
def test_a_text_without_end_takes_no_time(run):
    """Twice as long is twice the work: a quadratic search would take minutes."""
    text = f"{run * (180_000 // len(run))}\n\nYour code is 482913."
    assert "482913" in codes_in(seen(html=f"<pre>{text}</pre>"))
