from django.db import migrations


def count_words(apps, schema_editor):
    entries = apps.get_model("guestbook", "Entry").objects.using(schema_editor.connection.alias)
    for entry in entries.filter(words=0).only("message").iterator():
        entries.filter(pk=entry.pk).update(words=len(entry.message.split()))


class Migration(migrations.Migration):
    """Entries from before the count; backwards there is nothing to undo, as the column goes."""

    dependencies = [("guestbook", "0004_entry_words")]

    # the code before gets along with it
    selfdeploy = "expand"

    operations = [migrations.RunPython(count_words, migrations.RunPython.noop)]
