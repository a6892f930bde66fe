"""How long documents take: 100,000 small Routes as JSON, and some as block YAML.

python bench/parse.py [COUNT]
"""

from __future__ import annotations

import gc
import json
import sys
import time

from gwt.model.parse import parse_file


def simple(number: int) -> str:
    path = {"uri": f"/api/{number % 100}"}
    service = {"name": f"service-{number % 5000}", "namespace": "bench", "port": 80, "paths": [path]}
    return json.dumps({"name": f"route-{number}", "hosts": [f"host-{number}.example.com"], "services": [service]})


def block(number: int) -> str:
    return (
        f"name: route-{number}\nhosts: [host-{number}.example.com]\nservices:\n- name: service-{number % 5000}\n"
        f"  namespace: bench\n  port: 80\n  paths:\n  - uri: /api/{number % 100}\n    timeout: 5\n"
    )


def measure(what: str, text: str, count: int) -> None:
    gc.collect()
    gc.disable()  # as the loader does: nothing of what is made here is garbage
    start = time.perf_counter()
    parsed = parse_file(text, "bench.yaml")
    spent = time.perf_counter() - start
    gc.enable()
    assert len(parsed.documents) == count and not parsed.problems
    print(f"{what:12} {count:>7,} routes {spent:7.2f} s {spent / count * 1e6:7.1f} us a route")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    few = max(1, count // 20)
    texts = [simple(number) for number in range(count)]
    start = time.perf_counter()
    for text in texts:
        json.loads(text)
    spent = time.perf_counter() - start
    print(f"{'json.loads':12} {count:>7,} alone  {spent:7.2f} s {spent / count * 1e6:7.1f} us a route")
    measure("JSON", "\n---\n".join(texts), count)
    measure("block YAML", "---\n".join(block(number) for number in range(few)), few)


if __name__ == "__main__":
    main()
