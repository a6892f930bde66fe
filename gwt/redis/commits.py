"""Commits: the script that changes a store in Redis, all at once or not at all."""

from __future__ import annotations

import json
from typing import Any, Final

from gwt.redis.layout import Layout

#: KEYS: id, format, revision of the part, history, epoch, and the hashes.
#: ARGV: an id for a store that has none; part; expected revision; epoch; channel; how many revisions are remembered
#: (0: this part has no history); what its record says besides; then for each entry the number of its hash among KEYS,
#: its name, its label as JSON, "1" if it stays (else it goes) and its text.
#: Returns {"ok", REVISION}, or {"conflict", REVISION}, {"fenced", EPOCH}, {"format", FORMAT}.
SCRIPT: Final = b"""
local form = redis.call('GET', KEYS[2])
if form and form ~= '1' then return {'format', form} end
local rev = tonumber(redis.call('GET', KEYS[3])) or 0
if ARGV[3] ~= '' and tonumber(ARGV[3]) ~= rev then return {'conflict', rev} end
if ARGV[4] ~= '' then
  local epoch = tonumber(redis.call('GET', KEYS[5])) or 0
  if tonumber(ARGV[4]) < epoch then return {'fenced', epoch} end
  redis.call('SET', KEYS[5], ARGV[4])
end
redis.call('SETNX', KEYS[1], ARGV[1])
redis.call('SETNX', KEYS[2], '1')
local function told(text)
  if not text then return 'null' end
  if pcall(cjson.decode, text) then return text end
  return cjson.encode(text)
end
local names, changed = {}, {}
for at = 8, #ARGV, 5 do
  local key, name = KEYS[tonumber(ARGV[at])], ARGV[at + 1]
  local stays = ARGV[at + 3] == '1'
  if ARGV[6] ~= '0' then
    local before = told(redis.call('HGET', key, name))
    table.insert(changed, ARGV[at + 2] .. ':[' .. before .. ',' .. told(stays and ARGV[at + 4]) .. ']')
  end
  if stays then redis.call('HSET', key, name, ARGV[at + 4]) else redis.call('HDEL', key, name) end
  table.insert(names, name)
end
rev = redis.call('INCR', KEYS[3])
if ARGV[6] ~= '0' then
  local record = '{"rev":' .. rev .. ',' .. ARGV[7] .. ',"changed":{' .. table.concat(changed, ',') .. '}}'
  redis.call('HSET', KEYS[4], rev, record)
  redis.call('HDEL', KEYS[4], rev - tonumber(ARGV[6]))
end
local message = ARGV[2] .. ' ' .. rev
for _, name in ipairs(names) do
  if string.find(name, '%s') then names = {} break end
end
if #names > 0 and #names <= 1000 then message = message .. ' ' .. table.concat(names, ' ') end
redis.call('PUBLISH', ARGV[5], message)
return {'ok', rev}
"""

#: Of KEYS: where the hashes begin.
_FIRST = 6


def words(layout: Layout, commit: Any, new_id: str, remembered: int) -> list[bytes]:
    """Number of keys, KEYS and ARGV for a `gwt.store.commit.Commit`; `remembered` 0: without a history."""
    counter = "rev" if commit.part == "routes" else f"{commit.part}:rev"
    hashes = list(commit.entries)
    keys = [layout.key(name) for name in ("id", "format", counter, "history", "epoch", *hashes)]
    record = json.dumps({"time": round(commit.time, 3), "actor": commit.actor, "reason": commit.reason})
    arguments = [
        new_id, commit.part, _or_nothing(commit.expected), _or_nothing(commit.epoch), layout.channel, str(remembered),
        record[1:-1],
    ]  # fmt: skip
    for number, hash_ in enumerate(hashes, _FIRST):
        for name, text in commit.entries[hash_].items():
            label = json.dumps(commit.label(hash_, name))
            arguments += [str(number), name, label, "0" if text is None else "1", text or ""]
    return [b"%d" % len(keys), *keys, *(argument.encode() for argument in arguments)]


def _or_nothing(number: int | None) -> str:
    return "" if number is None else str(number)
