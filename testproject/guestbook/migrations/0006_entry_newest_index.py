from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("guestbook", "0005_count_words")]

    operations = [
        migrations.AddIndex("entry", models.Index(fields=["-created", "-id"], name="guestbook_entry_newest")),
    ]
