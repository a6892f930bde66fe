"""The counter that gateways share: a bucket in Redis, and the one script that reads and writes it.

A bucket is a string, `LEVEL MICROSECONDS`: how full it was at which time of Redis's own clock. It goes when it has
drained. What is at the key and can't be read counts as nothing; a clock that was set back drains nothing.
"""

from __future__ import annotations

from hashlib import blake2b, sha1
from math import ceil

from gwt.limit.lease import LOST, Question, Terms

#: KEYS: the bucket. ARGV: drained a second, full for leases, the most it can hold, and the numbers of a Question:
#: wanted, told, perhaps. Returns how many it lets through, and its level after that.
SCRIPT = b"""
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local drain, full, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local wanted, told, perhaps = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local level, last = 0, now
local state = redis.pcall('GET', KEYS[1])
if type(state) == 'string' then
  local first, second = string.match(state, '^(%S+) (%S+)$')
  level, last = tonumber(first) or 0, tonumber(second) or now
end
if level > most then level = most end
if now > last then level = level - (now - last) * drain / 1000000 end
if not (level > 0) then level = 0 end
local busy = math.max(0, math.min(1, 2 * level / full - 1))
level = math.min(level + told + perhaps * busy, most)
local granted = math.max(0, math.min(wanted, math.floor(full - level + 0.000001)))
level = level + granted
if level > 0 then
  redis.call('SET', KEYS[1], string.format('%.17g %.0f', level, now), 'PX', math.ceil(level / drain * 1000) + 1000)
end
return {granted, string.format('%.17g', level)}
"""
SHA = sha1(SCRIPT, usedforsecurity=False).hexdigest().encode()

#: Longer keys are hashed, and so are those that would look odd in redis-cli.
_LONGEST = 80


def redis_key(prefix: str, key: bytes) -> bytes:
    """`PREFIX:limit:{KEY}`. The braces make KEY alone decide on the slot of a Redis cluster."""
    if len(key) > _LONGEST or not key.isascii() or not key.decode("ascii").isprintable():
        key = blake2b(key, digest_size=16).hexdigest().encode()
    return b"%b:limit:{%b}" % (prefix.encode(), key)


def arguments(terms: Terms, gateways: int, question: Question) -> tuple[bytes, ...]:
    """ARGV of the script."""
    full = terms.burst + 1 + terms.over
    # What passes on trust, and while an answer is late, comes on top.
    most = full + gateways + ceil(terms.rate * LOST)
    numbers = (full, most, question.wanted, question.told, question.perhaps)
    return b"%r" % terms.drain, *(b"%d" % number for number in numbers)
