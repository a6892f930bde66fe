"""jwt-auth: who a client is, by a signed token (RFC 7519)."""

from __future__ import annotations

import json
import re
import warnings
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet, OctKey, import_key
from twisted.internet.defer import Deferred

from gwt.identity.claims import BadClaims, identity_of, read_claims
from gwt.phase.auth import AuthPlugin, Checked, Settled, refusal
from gwt.phase.jwks import Jwks
from gwt.phase.plugin import Exchange, Misconfigured

Algorithm = Literal["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
                    "ES512", "EdDSA"]  # fmt: skip

_TOKEN = re.compile(rb"[\w-]+\.[\w-]+\.[\w-]+").fullmatch
_MAX_TOKEN = 8192
_MISSING = refusal('Bearer realm="gwt"', "there is no token in the request")
_REFUSED = refusal('Bearer realm="gwt", error="invalid_token"', "the token is not admitted")


@dataclass(frozen=True)
class JwtAuth(AuthPlugin):
    """Admits who sends a token that is signed with one of `algorithms` and a key of `secret`, `public_key` (PEM) or
    `jwks_uri`; its `sub` becomes the identity, its claims those of the user.

    `exp` and `nbf` count where they are there, without leeway; `iss` must be `issuer`, and `aud` must name `audience`,
    where these are set.
    """

    name = "jwt-auth"
    priority = 2510

    algorithms: tuple[Algorithm, ...]
    secret: str | None = field(default=None, repr=False)
    public_key: str | None = None
    jwks_uri: Annotated[str | None, {"type": ["string", "null"], "pattern": "^https?://"}] = None
    issuer: str | None = None
    audience: str | None = None
    header: Annotated[str, {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}] = "Authorization"
    hide_credentials: bool = False
    _key: Any = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if sum(one is not None for one in (self.secret, self.public_key, self.jwks_uri)) != 1:
            raise Misconfigured("", "one of secret, public_key and jwks_uri is needed")
        if not self.algorithms:
            raise Misconfigured("algorithms", "at least one is needed")
        for name in self.algorithms:
            if name.startswith("HS") != (self.secret is not None):
                raise Misconfigured("algorithms", f"{name} does not go with what signs: HS... is for a secret only")
        if self.secret == "":
            raise Misconfigured("secret", "it is empty")
        object.__setattr__(self, "_key", self._made())

    def warnings(self) -> Iterator[tuple[str, str]]:
        """RFC 7518 3.2: a key for HS256 has 32 bytes or more, and so on."""
        if self.secret is None:
            return
        wanted, name = max((int(name[2:]) // 8, name) for name in self.algorithms)
        if len(self.secret.encode()) < wanted:
            text = f"{name} calls for {wanted} bytes or more, and it has less: who holds a token may find it by trying"
            yield "secret", f"{text}; openssl rand -hex {wanted} makes one"

    def _made(self) -> Any:
        if self.secret is not None:
            return _shared(self.secret.encode())
        if self.public_key is None:
            return None
        try:
            kind: Any = {"R": "RSA", "P": "RSA", "E": "EC"}[self.algorithms[0][0]]
            return import_key(self.public_key, "OKP" if self.algorithms[0] == "EdDSA" else kind)
        except Exception:
            raise Misconfigured("public_key", "it is no public key (PEM) for these algorithms") from None

    def check(self, ctx: Exchange) -> Checked:
        """At once where the keys are here."""
        said = ctx.header(self.header.lower().encode()) or b""
        scheme, _, rest = said.partition(b" ")
        token = rest.strip(b" ") if scheme.lower() == b"bearer" else said if self.header != "Authorization" else b""
        if not token:
            return _MISSING
        if len(token) > _MAX_TOKEN or not _TOKEN(token):
            return _REFUSED
        if self.jwks_uri is None:
            return self._judge(self._key, ctx, token)
        kid = _kid(token)
        keys = ctx.tools.kept.get(("jwks", self.jwks_uri))
        if keys is None:
            keys = ctx.tools.kept["jwks", self.jwks_uri] = Jwks(ctx.tools, self.jwks_uri)
        known = keys.known(kid)
        if known is not None:
            return self._judge(known, ctx, token)
        asked: Deferred[KeySet] = keys.keys(kid)
        return asked.addCallback(self._judge, ctx, token)

    def _judge(self, key: Any, ctx: Exchange, token: bytes) -> Settled:
        try:
            signed = jws.deserialize_compact(token, key, algorithms=list(self.algorithms))
            claims = read_claims(signed.payload)
            found = identity_of(claims)
        except (JoseError, BadClaims, ValueError, TypeError, KeyError):
            return _REFUSED
        now, begins = ctx.tools.wall(), claims.get("nbf", 0)
        if now >= found.exp or type(begins) not in (int, float) or now < begins or not self._meant(claims):
            return _REFUSED
        if self.hide_credentials:
            ctx.request.remove_header(self.header)
        return found

    def _meant(self, claims: Mapping[str, Any]) -> bool:
        meant = claims.get("aud")
        heard = meant if isinstance(meant, list) else [meant]
        return (self.issuer is None or claims.get("iss") == self.issuer) and (
            self.audience is None or self.audience in heard
        )


def _shared(secret: bytes) -> OctKey:
    """The key that is `secret`; that a short one is unwise we say ourselves. Raises Misconfigured for a public key."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        try:
            return OctKey.import_key(secret)
        except ValueError:
            raise Misconfigured("secret", "it is a public key, which is no secret") from None


def _kid(token: bytes) -> str | None:
    """Which key the token says it was signed with; not believed, only asked for."""
    head = token.partition(b".")[0]
    try:
        kid = json.loads(urlsafe_b64decode(head + b"=" * (-len(head) % 4))).get("kid")
    except (ValueError, AttributeError, RecursionError):
        return None
    return kid if isinstance(kid, str) else None
