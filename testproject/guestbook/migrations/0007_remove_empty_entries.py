from django.db import migrations


def remove_empty(apps, schema_editor):
    entries = apps.get_model("guestbook", "Entry").objects.using(schema_editor.connection.alias)
    entries.filter(message="").delete()


class Migration(migrations.Migration):
    dependencies = [("guestbook", "0006_entry_newest_index")]

    # the code before gets along with it
    selfdeploy = "expand"

    operations = [migrations.RunPython(remove_empty, migrations.RunPython.noop)]
