"""`gwt session`: make a session cookie, or read one, with the keys of a gateway.yaml."""

from __future__ import annotations

import json
import math
import sys
import time

from twisted.python.usage import UsageError

from gwt.cli.command import Command, CommandError
from gwt.configuration import find, load
from gwt.identities import keyring_of
from gwt.identity.claims import BadClaims, expiry, read_claims, sealed_identity, subject
from gwt.identity.keyring import DEFAULT_TTL, Keyring, Refused
from gwt.model import units

ACTIONS = ("seal", "open")


class Options(Command):
    """Seal and open session cookies."""

    synopsis = "seal [--config gateway.yaml] [--ttl 3600] CLAIMS | open [--config gateway.yaml] COOKIE"
    longdesc = (
        "`seal` prints the value of a session cookie that admits whom the claims name, a JSON object with `sub`, until "
        "`exp` (seconds since 1970) or, where they have none, for --ttl. `open` prints the claims of a cookie's value, "
        "and exits with 1 where the gateway would not admit it. A `-` in the place of CLAIMS or COOKIE is read from "
        "standard input. Both take `identity.keys` of ./gateway.yaml, or of --config: the first key seals, all of them "
        """open. Example: curl --cookie "session=$(gwt session seal '{"sub":"alice"}')" http://127.0.0.1:9080/"""
    )
    optParameters = [
        ["config", "c", None, "The gateway.yaml whose keys are used"],
        ["ttl", "t", f"{DEFAULT_TTL:g}", "Seconds (or 30m, 12h) for which a cookie is good; `exp` in the claims wins"],
    ]

    def parseArgs(self, *words: str) -> None:
        if len(words) != 2 or words[0] not in ACTIONS:
            raise UsageError("say `seal CLAIMS` or `open COOKIE`")
        self.action, self.text = words

    def postOptions(self) -> None:
        try:
            self.ttl = units.duration(self["ttl"])
        except ValueError as error:
            raise UsageError(f"--ttl: {error}") from error

    def run(self) -> int:
        text = sys.stdin.read() if self.text == "-" else self.text
        configuration = load(find(self["config"]))
        identity = configuration.settings.identity
        if identity.mode != "sealed":
            raise CommandError(
                f"identity.mode of {configuration.describe()} is {identity.mode}: its cookies are not sealed"
            )
        if not identity.keys:
            hint = "`openssl rand -base64 32` makes one"
            raise CommandError(f"identity.keys of {configuration.describe()} is empty; {hint}")
        keyring = keyring_of(identity)
        if self.action == "seal":
            return seal(keyring, text, time.time(), self.ttl)
        return show(keyring, text.strip().removeprefix(f"{identity.cookie}="), time.time())


def seal(keyring: Keyring, text: str, now: float, ttl: float) -> int:
    """Print a cookie's value for the claims that `text` is."""
    try:
        claims = read_claims(text.encode("utf-8", "surrogateescape"))
        subject(claims)
        exp = expiry(claims)
        if exp is None:
            claims["exp"] = math.ceil(now + ttl)
        cookie = keyring.seal(claims)
    except (BadClaims, Refused) as error:
        raise CommandError(str(error)) from error
    if exp is not None and exp <= now:
        print("gwt: exp has passed: this cookie admits nobody", file=sys.stderr)
    print(cookie)
    return 0


def show(keyring: Keyring, cookie: str, now: float) -> int:
    """Print the claims of a cookie's value; the exit status."""
    try:
        claims = keyring.open(cookie.encode("utf-8", "surrogateescape"))
        print(json.dumps(claims))
        sealed_identity(claims, now)
    except (BadClaims, Refused) as error:
        raise CommandError(f"not admitted: {error}") from error
    return 0
