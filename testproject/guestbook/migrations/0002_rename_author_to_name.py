from django.db import migrations


class Migration(migrations.Migration):
    """Visitors are asked for a name; few of them feel like authors."""

    dependencies = [("guestbook", "0001_initial")]

    operations = [migrations.RenameField("entry", "author", "name")]
