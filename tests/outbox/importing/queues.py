"""What the queues of the other packages hold: code that their own projects run."""

from __future__ import annotations

__all__ = ["MAILER_MAILS", "PNG", "POST_OFFICE_MAILS"]

PNG = b"\x89PNG\r\n\x1a\n\x00\x01\nnot really\r\r\n"

POST_OFFICE_MAILS = f"""
from email.mime.image import MIMEImage
send = post_office.mail.send
sender = "Sender <sender@example.com>"
send("a@example.com", sender, subject="plain", message="Hello\\n.\\nworld",
     cc=["Cece <c@example.com>"], bcc=["hidden@example.com"],
     headers={{"Reply-To": "r@example.com", "X-Campaign": "Ümläut"}}, priority="high")
send(["a@example.com", "b@example.com"], sender, subject="Grüße aus Köln",
     message="Text ä", html_message="<b>HTML ä</b>")
send("a@example.com", sender, subject="html alone", html_message="<p>alone</p>")
send("a@example.com", sender, subject="verbatim", message="50{{% now 'Y' %}}")
template, _ = EmailTemplate.objects.get_or_create(name="welcome", defaults=dict(
    subject="welcome {{{{ name }}}}", content="Hello {{{{ name }}}}",
    html_content="<b>Hello {{{{ name }}}}</b>{{% load post_office %}}"
    "<img src='{{% inline_image image %}}'>"))
import pathlib
image = pathlib.Path("image.png")
image.write_bytes({PNG!r})
send("a@example.com", sender, template=template, render_on_delivery=True,
     context={{"name": "Änn & Bob", "image": str(image.absolute())}})
send("a@example.com", sender, subject="files", message="See these", html_message="<i>x</i>",
     attachments={{
        "a.txt": ContentFile("text ä".encode()),
        "report.pdf": {{"file": ContentFile(b"%PDF\\x00\\xff"), "mimetype": "application/pdf"}},
     }})
backend = EmailMultiAlternatives("through the backend", "Body", sender, ["a@example.com"],
    reply_to=["reply@example.com"], cc=["c@example.com"])
backend.attach_alternative("<p>Body</p>", "text/html")
backend.attach("b.csv", "a;b", "text/csv")
backend.send()
"""

MAILER_MAILS = """
from email.message import EmailMessage as Part
for priority in (1, 2, 3, 4):
    message = EmailMultiAlternatives(f"priority {priority}", "Text ä", "s@example.com",
        ["Änn <a@example.com>"], bcc=["hidden@example.com"], cc=["c@example.com"],
        reply_to=["r@example.com"], headers={"X-Number": str(priority)})
    message.attach_alternative("<b>ä</b>", "text/html")
    message.attach_alternative("BEGIN:VCALENDAR", "text/calendar")
    message.attach("f.bin", b"\\x00\\xff", "application/octet-stream")
    message.attach("f.bin", b"again", "application/octet-stream")
    row = Message(priority=priority)
    row.email = message
    row.save()
send_mail("{% not a template %}", "50{% off %}", None, ["a@example.com"])
"""
