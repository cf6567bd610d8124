"""The options of a target's static files: what is done to them before they are served."""

from __future__ import annotations

from dataclasses import dataclass

from .backends.base import option


@dataclass(frozen=True)
class Static:
    """What is done to static files that the front server serves; each tool is used where it is there."""

    minify: bool = option(True, "Whether CSS and JavaScript are minified: by esbuild, else rcssmin and rjsmin.")
    images: bool = option(True, "Whether PNG and JPEG are optimised without loss: by oxipng, optipng and jpegtran.")
    svg: bool = option(False, "Whether SVG is optimised by svgo, which may drop ids that other files name.")
    gzip: bool = option(True, "Whether files are kept gzipped too.")
    brotli: bool = option(True, "Whether files are kept in brotli too, where nginx has the module for it.")
