"""The encrypted environment file of a target: names in clear, a token for each value, made to be kept in git.

`NAME=sd1:TOKEN`, one a line, by name, so that git shows which variables a commit changes, and merges two that change
others. A token is nonce and ciphertext of AES-256-GCM in base64 (RFC 4648, section 5); the target and the name are
its associated data, so a token that was put under another name, or into another target's file, is noticed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.errors import ConfigError
from .variables import CONFLICT

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES, NONCE_BYTES = 32, 12
"""AES-256, and the nonce that GCM is made for (NIST SP 800-38D, section 8.2)."""

BLOCK = 32
"""Values are filled with NUL up to a multiple of so many bytes: True must not be told from False by its length."""

PREFIX = "sd1:"
"""What a token begins with: the version of this format."""

_LINE = re.compile(r"([A-Za-z_][A-Za-z_0-9]*)=(.*)\Z")
_KEY_LINE = re.compile(r"# key ([0-9a-f]{8})\Z")


@dataclass(frozen=True, repr=False)
class Key:
    """A key, which shows itself to nobody; `id` tells it from others and gives nothing of it away."""

    data: bytes

    @property
    def id(self) -> str:
        return hashlib.sha256(b"selfdeploy key\0" + self.data).hexdigest()[:8]

    @property
    def text(self) -> str:
        """The key as a file or SELFDEPLOY_KEY holds it: 43 letters, digits, - and _."""
        return base64.urlsafe_b64encode(self.data).decode().rstrip("=")

    def __repr__(self) -> str:
        return f"Key({self.id})"


def new_key() -> Key:
    return Key(os.urandom(KEY_BYTES))


def keys_of(text: str, *, where: str) -> tuple[Key, ...]:
    """The keys of a key file or a variable, with spaces, commas or lines between. Raises ConfigError for none."""
    words = (word for line in text.splitlines() if not line.startswith("#") for word in re.split(r"[\s,]+", line))
    keys = tuple(_key(word, where) for word in words if word)
    if not keys:
        raise ConfigError(f"{where} holds no key.", hint="Give it the 43 characters that `deploy_env` made.")
    return keys


def _key(word: str, where: str) -> Key:
    try:
        data = base64.b64decode(f"{word}{'=' * (-len(word) % 4)}", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _no_key(where) from error
    if len(data) != KEY_BYTES:
        raise _no_key(where)
    return Key(data)


def _no_key(where: str) -> ConfigError:
    return ConfigError(f"{where} holds something that is no key.", hint="A key has 43 letters, digits, - and _.")


@dataclass(frozen=True)
class Sealed:
    """An encrypted file as it is: the id of its key, and its tokens by name."""

    name: str
    target: str
    key_id: str
    tokens: dict[str, str]

    @property
    def text(self) -> str:
        head = (
            f"# Variables of the target {self.target!r}, encrypted. `manage.py deploy_env` reads and changes them.\n"
            "# Commit this file, and never its key.\n"
        )
        lines = "".join(f"{name}={token}\n" for name, token in sorted(self.tokens.items()))
        return f"{head}# key {self.key_id}\n{lines}"


def sealed(text: str, *, name: str, target: str) -> Sealed:
    """The file called `name`, taken apart and not decrypted. Raises ConfigError for what cannot be one."""
    key_id, tokens = "", {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(CONFLICT):
            raise ConfigError(f"Line {number} of {name!r} is a merge conflict.", hint="Resolve it, then try again.")
        if found := _KEY_LINE.match(line):
            if key_id not in ("", found[1]):
                hint = "Take the file of one of the two commits, and set in it what the other one changed."
                raise ConfigError(f"{name!r} is of two keys, {key_id} and {found[1]}.", hint=hint)
            key_id = found[1]
        if not line.strip() or line.startswith("#"):
            continue
        variable, token = _taken_apart(line, number, name)
        if variable in tokens:
            raise ConfigError(f"{name!r} has {variable} twice.", hint="Remove one of the lines.")
        tokens[variable] = token
    if not key_id:
        raise ConfigError(f"{name!r} does not say of which key it is.", hint="Get back its line `# key ...` from git.")
    return Sealed(name, target, key_id, tokens)


def _taken_apart(line: str, number: int, name: str) -> tuple[str, str]:
    found = _LINE.match(line)
    if found is None:
        raise ConfigError(f"Line {number} of {name!r} is no NAME=value.", hint="Mend it, or get it back from git.")
    if not found[2].startswith(PREFIX):
        hint = f"Remove the line, and set it: `manage.py deploy_env set {found[1]}`. The value is known to git now."
        raise ConfigError(f"{found[1]} is not encrypted in {name!r}.", hint=hint)
    return found[1], found[2]


def opened(file: Sealed, keys: Iterable[Key]) -> dict[str, str]:
    """The variables of the file. Raises ConfigError where no key is its own, and for a token that was tampered with."""
    cipher = _cipher(_fitting(file, tuple(keys)))
    return {name: _decrypted(cipher, file, name, token) for name, token in file.tokens.items()}


def changed(file: Sealed, keys: Iterable[Key], values: Mapping[str, str]) -> Sealed:
    """The file with these variables and no others. Tokens of values that stay are kept, so that git shows the rest.

    Raises ConfigError as `opened` does.
    """
    key = _fitting(file, tuple(keys))
    cipher, before = _cipher(key), opened(file, (key,))
    stay = {name for name, value in values.items() if before.get(name) == value}
    tokens = {
        name: file.tokens[name] if name in stay else _encrypted(cipher, file.target, name, value)
        for name, value in values.items()
    }
    return Sealed(file.name, file.target, file.key_id, tokens)


def new_file(name: str, target: str, key: Key, values: Mapping[str, str]) -> Sealed:
    """A file of its own for the key, every value encrypted anew."""
    cipher = _cipher(key)
    tokens = {variable: _encrypted(cipher, target, variable, value) for variable, value in values.items()}
    return Sealed(name, target, key.id, tokens)


def _fitting(file: Sealed, keys: tuple[Key, ...]) -> Key:
    for key in keys:
        if key.id == file.key_id:
            return key
    there = ", ".join(key.id for key in keys)
    raise ConfigError(
        f"The key {there} is not that of {file.name!r}, which is {file.key_id}.",
        hint="Get the right one from whoever changed the file last.",
    )


def _cipher(key: Key) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise ConfigError(
            f"An encrypted environment file needs the package cryptography: {error}.",
            hint="Install it: `python -m pip install cryptography`.",
        ) from error
    return AESGCM(key.data)


def _encrypted(cipher: AESGCM, target: str, name: str, value: str) -> str:
    data = value.encode()
    data += b"\0" * (BLOCK - len(data) % BLOCK)
    nonce = os.urandom(NONCE_BYTES)
    return PREFIX + base64.urlsafe_b64encode(nonce + cipher.encrypt(nonce, data, _bound(target, name))).decode()


def _decrypted(cipher: AESGCM, file: Sealed, name: str, token: str) -> str:
    from cryptography.exceptions import InvalidTag

    try:
        data = base64.b64decode(token.removeprefix(PREFIX), altchars=b"-_", validate=True)
        plain = cipher.decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], _bound(file.target, name))
        return plain.rstrip(b"\0").decode()
    except (InvalidTag, ValueError) as error:
        raise ConfigError(
            f"{name} in {file.name!r} is damaged, or is the value of another variable or target.",
            hint="Get the line back from git, or set the variable anew.",
        ) from error


def _bound(target: str, name: str) -> bytes:
    """What a token belongs to; neither a target nor a name holds a NUL."""
    return f"selfdeploy env 1\0{target}\0{name}".encode()
