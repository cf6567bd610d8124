from django.db import migrations, models


class Migration(migrations.Migration):
    """A default in the database, so that the release before this one can still add entries."""

    dependencies = [("guestbook", "0003_shorter_messages")]

    operations = [
        migrations.AddField(
            "entry", "words", models.PositiveIntegerField(db_default=0, default=0, editable=False)
        ),
    ]
