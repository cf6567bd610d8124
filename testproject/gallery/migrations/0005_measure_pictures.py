from django.db import migrations


def measure(apps, schema_editor):
    pictures = apps.get_model("gallery", "Picture").objects.using(schema_editor.connection.alias)
    for picture in pictures.filter(size_bytes=None).only("file").iterator():
        pictures.filter(pk=picture.pk).update(size_bytes=size_in_bytes(picture.file))


def size_in_bytes(file):
    try:
        return file.size
    except FileNotFoundError:
        return 0


class Migration(migrations.Migration):
    dependencies = [("gallery", "0004_picture_size_bytes")]

    # the code before gets along with it
    selfdeploy = "expand"

    operations = [migrations.RunPython(measure, migrations.RunPython.noop)]
