from django.urls import path

from . import views

app_name = "pages"
urlpatterns = [
    path("", views.home, name="home"),
    path("about/", views.about, name="about"),
    path("slow/", views.slow, name="slow"),
    path("release/", views.release, name="release"),
]
