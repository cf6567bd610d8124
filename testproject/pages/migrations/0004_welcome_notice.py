from django.db import migrations

TITLE = "The house is open"
TEXT = "The paint is dry and the kettle is on. We look forward to our first guests."


def welcome(apps, schema_editor):
    notices = apps.get_model("pages", "Notice").objects.using(schema_editor.connection.alias)
    notices.get_or_create(title=TITLE, defaults={"text": TEXT})


def unwelcome(apps, schema_editor):
    notices = apps.get_model("pages", "Notice").objects.using(schema_editor.connection.alias)
    notices.filter(title=TITLE, text=TEXT).delete()


class Migration(migrations.Migration):
    """A new site does not start empty."""

    dependencies = [("pages", "0003_longer_notice_title")]

    # the code before gets along with it
    selfdeploy = "expand"

    operations = [migrations.RunPython(welcome, unwelcome)]
