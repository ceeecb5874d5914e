"""BusyBox applets of the simulated router that deal with text, files and the shell itself.

Counterparts: `drivers.lab.ash` runs them; `network_tools`, `openwrt_tools` and `pivots` hold the others.
"""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime

from drivers.lab import system
from drivers.lab.ash import Call, Exit, Program
from drivers.lab.console import Hangup


async def _cat(call: Call) -> int:
    paths = [path for path in call.arguments if path != "-"]
    texts = await call.texts(paths)
    for text in texts:
        call.out(text)
    return int(len(texts) < len(paths))


async def _echo(call: Call) -> int:
    words = call.arguments
    newline = "\n"
    escapes = False
    while words and words[0] in {"-n", "-e", "-ne", "-en"}:
        newline = "" if "n" in words[0] else newline
        escapes = escapes or "e" in words[0]
        words = words[1:]
    text = " ".join(words)
    call.out((_unescaped(text) if escapes else text) + newline)
    return 0


async def _printf(call: Call) -> int:
    if not call.arguments:
        return call.fail("usage: printf FORMAT [ARG]...")
    form, *values = call.arguments
    for value in values:
        form = re.sub(r"%[sdx]", lambda _: value.replace("\\", "\\\\"), form, count=1)  # noqa: B023
    call.out(_unescaped(re.sub(r"%[sdx]", "", form)))
    return 0


def _unescaped(text: str) -> str:
    named = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\a", "e": "\x1b"}

    def one(match: re.Match[str]) -> str:
        code = match[1]
        if code in named:
            return named[code]
        if code[0] == "x":
            return chr(int(code[1:], 16))
        return chr(int(code, 8) & 0xFF)

    return re.sub(r"\\(x[0-9a-fA-F]{1,2}|0?[0-7]{1,3}|[ntrae\\])", one, text)


async def _grep(call: Call) -> int:
    flags, rest = _options(call.arguments, with_value="ABCem")
    if not rest:
        call.streams.err("Usage: grep [-HhnlLoqvsrRiwFE] [-m N] [-A|B|C N] PATTERN [FILE]...\n")
        return 1
    pattern = re.escape(rest[0]) if "F" in flags else rest[0]
    if not {"E", "F"} & flags.keys():
        pattern = _extended(pattern)
    try:
        expression = re.compile(pattern, re.IGNORECASE if "i" in flags else 0)
    except re.error:
        return call.fail(f"bad regex '{rest[0]}'", 2)
    lines = [line for text in await call.texts(rest[1:]) for line in text.splitlines()]
    hits = [index for index, line in enumerate(lines) if bool(expression.search(line)) != ("v" in flags)]
    before = int(flags.get("B", flags.get("C", "0")) or 0)
    after = int(flags.get("A", flags.get("C", "0")) or 0)
    shown = sorted({place for hit in hits for place in range(max(0, hit - before), min(len(lines), hit + after + 1))})
    if "c" in flags:
        call.out(f"{len(hits)}\n")
    elif "q" not in flags:
        call.out("".join(f"{lines[index]}\n" for index in shown))
    return int(not hits)


def _extended(basic: str) -> str:
    """A basic regular expression, where alternation and repetition have a backslash, as an extended one."""

    def one(match: re.Match[str]) -> str:
        escaped, plain = match[1], match[2]
        if plain is not None:
            return "\\" + plain
        return str(escaped) if escaped in "|+?(){}" else match[0]

    return re.sub(r"\\(.)|([|+?(){}])", one, basic)


async def _head(call: Call) -> int:
    return await _ends(call, lambda lines, count: lines[:count])


async def _tail(call: Call) -> int:
    return await _ends(call, lambda lines, count: lines[-count:] if count else [])


async def _ends(call: Call, cut: Callable[[list[str], int], list[str]]) -> int:
    flags, rest = _options(call.arguments, with_value="nc")
    digits = "".join(flag for flag in flags if flag.isdigit())
    number = flags.get("n") or digits or "10"
    if not number.lstrip("+-").isdigit():
        return call.fail(f"invalid number '{number}'")
    for text in await call.texts(rest):
        call.out("".join(cut(text.splitlines(keepends=True), abs(int(number)))))
    return 0


async def _wc(call: Call) -> int:
    flags, rest = _options(call.arguments)
    for text in await call.texts(rest):
        counts = {"l": text.count("\n"), "w": len(text.split()), "c": len(text.encode())}
        wanted = [counts[flag] for flag in "lwc" if flag in flags] or list(counts.values())
        call.out(str(wanted[0]) if len(wanted) == 1 else " ".join(f"{count:>9}" for count in wanted))
        call.out("\n")
    return 0


async def _sort(call: Call) -> int:
    flags, rest = _options(call.arguments, with_value="kto")
    lines = [line for text in await call.texts(rest) for line in text.splitlines()]
    ordered = sorted(set(lines) if "u" in flags else lines, reverse="r" in flags)
    text = "".join(f"{line}\n" for line in ordered)
    if "o" in flags:
        call.system.files.write(call.shell.path(flags["o"]), text)
    else:
        call.out(text)
    return 0


async def _tr(call: Call) -> int:
    flags, rest = _options(call.arguments)
    text = await call.stdin_text()
    sets = [re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), one) for one in rest]
    if "d" in flags and sets:
        call.out("".join(character for character in text if character not in sets[0]))
    elif len(sets) > 1 and sets[1]:
        call.out("".join(sets[1][min(sets[0].find(one), len(sets[1]) - 1)] if one in sets[0] else one for one in text))
    else:
        return call.fail("usage: tr [-d] STRING1 [STRING2]")
    return 0


async def _tee(call: Call) -> int:
    flags, rest = _options(call.arguments)
    text = await call.stdin_text()
    for path in rest:
        call.system.files.write(call.shell.path(path), text, append="a" in flags)
    call.out(text)
    return 0


async def _xargs(call: Call) -> int:
    words = (await call.stdin_text()).split()
    return await call.shell.call([*(call.arguments or ["echo"]), *words], call.streams)


async def _ls(call: Call) -> int:
    flags, rest = _options(call.arguments)
    status = 0
    for path in rest or [call.shell.cwd]:
        names = call.system.files.folder(call.shell.path(path))
        if names is None and call.system.files.read(call.shell.path(path)) is None:
            status = call.fail(f"{path}: No such file or directory")
            continue
        for name in names or [path]:
            call.out(
                f"-rw-r--r--    1 root     root          1024 Jan  1 12:00 {name}\n" if "l" in flags else f"{name}\n"
            )
    return status


async def _rm(call: Call) -> int:
    status = 0
    for path in _options(call.arguments)[1]:
        if not call.system.files.remove(call.shell.path(path)):
            status = call.fail(f"can't remove '{path}': No such file or directory")
    return status


async def _cp(call: Call) -> int:
    _, rest = _options(call.arguments)
    text = call.system.files.read(call.shell.path(rest[0])) if len(rest) == 2 else None
    if text is None:
        return call.fail("can't stat: No such file or directory")
    call.system.files.write(call.shell.path(rest[1]), text)
    if call.argv[0] == "mv":
        call.system.files.remove(call.shell.path(rest[0]))
    return 0


async def _touch(call: Call) -> int:
    for path in call.arguments:
        call.system.files.write(call.shell.path(path), "", append=True)
    return 0


async def _cd(call: Call) -> int:
    path = call.shell.path(call.arguments[0] if call.arguments else "/root")
    if path not in {"/", "/root", "/tmp"} and call.system.files.folder(path) is None:  # noqa: S108  in the simulated router
        call.streams.err(f"-ash: cd: can't cd to {call.arguments[0]}: No such file or directory\n")
        return 1
    call.shell.cwd = path
    return 0


async def _pwd(call: Call) -> int:
    call.out(f"{call.shell.cwd}\n")
    return 0


async def _shell(call: Call) -> int:
    flags = call.arguments[:1]
    if flags == ["-c"]:
        return await call.shell.run(" ".join(call.arguments[1:2]), call.streams)
    if call.arguments:
        text = call.system.files.read(call.shell.path(call.arguments[0]))
        if text is None:
            return call.fail(f"can't open '{call.arguments[0]}'", 2)
        return await call.shell.run(text, call.streams)
    if call.streams.stdin is not None or not call.shell.console.tty:
        return await call.shell.run(await call.stdin_text(), call.streams)
    call.out(f"\n\nBusyBox v1.36.1 ({system.RELEASE}) built-in shell (ash)\n\n")
    return await call.shell.nested()


async def _eval(call: Call) -> int:
    return await call.shell.run(" ".join(call.arguments), call.streams)


async def _source(call: Call) -> int:
    text = call.system.files.read(call.shell.path(call.arguments[0])) if call.arguments else None
    return call.fail("can't open") if text is None else await call.shell.run(text, call.streams)


async def _prefix(call: Call) -> int:
    """`busybox X`, `command X`, `exec X`, `nohup X`, `env X`, `time X`."""
    words = call.arguments
    while words and ("=" in words[0] or words[0].startswith("-")):
        words = words[1:]
    if words:
        return await call.shell.call(words, call.streams)
    if call.argv[0] == "busybox":
        call.out(f"BusyBox v1.36.1 ({system.RELEASE}) multi-call binary.\n")
    elif call.argv[0] == "env":
        call.out("".join(f"{name}={value}\n" for name, value in call.shell.variables.items()))
    return 0


async def _timeout(call: Call) -> int:
    words = call.arguments[1:]
    return await call.shell.call(words, call.streams) if words else call.fail("usage: timeout SECS PROG ARGS")


async def _export(call: Call) -> int:
    for word in call.arguments:
        name, equals, value = word.partition("=")
        if equals:
            call.shell.variables[name] = value
    return 0


async def _alias(call: Call) -> int:
    for word in call.arguments:
        name, equals, value = word.partition("=")
        if equals:
            await call.shell.run(f"{name}() {{ {value}; }}", call.streams)
    return 0


async def _test(call: Call) -> int:
    words = [word for word in call.arguments if word != "]"]
    if len(words) == 3:
        return int({"=": words[0] == words[2], "!=": words[0] != words[2]}.get(words[1], False) is False)
    return int(not (words and words[-1]))


async def _exit(call: Call) -> int:
    status = call.arguments[0] if call.arguments else str(call.shell.status)
    raise Exit(int(status) & 0xFF if status.isdigit() else 2)


async def _true(_: Call) -> int:
    return 0


async def _false(_: Call) -> int:
    return 1


async def _sleep(call: Call) -> int:
    amount = call.arguments[0] if call.arguments else ""
    if not re.fullmatch(r"\d+(\.\d+)?", amount):
        return call.fail(f"invalid number '{amount}'")
    await asyncio.sleep(min(float(amount), 3600))
    return 0


async def _date(call: Call) -> int:
    call.out(datetime.now(UTC).strftime("%a %b %e %H:%M:%S UTC %Y\n"))
    return 0


async def _uname(call: Call) -> int:
    if "-a" in call.arguments:
        call.out(f"Linux {system.HOSTNAME} {system.KERNEL} #0 Mon Sep 23 12:34:46 2024 mips GNU/Linux\n")
    else:
        call.out(f"{system.KERNEL}\n" if "-r" in call.arguments else "Linux\n")
    return 0


async def _id(call: Call) -> int:
    call.out("uid=0(root) gid=0(root) groups=0(root)\n" if call.argv[0] == "id" else "root\n")
    return 0


async def _hostname(call: Call) -> int:
    call.out(f"{system.HOSTNAME}\n")
    return 0


async def _uptime(call: Call) -> int:
    seconds = int(call.system.uptime())
    days, rest = divmod(seconds, 86_400)
    clock = datetime.now(UTC).strftime("%H:%M:%S")
    call.out(f" {clock} up {days} days, {rest // 3600:2d}:{rest // 60 % 60:02d},  load average: 0.08, 0.05, 0.01\n")
    return 0


async def _free(call: Call) -> int:
    call.out(
        "              total        used        free      shared  buff/cache   available\n"
        "Mem:         122708       39220       61432         664       22056       71208\n"
        "Swap:             0           0           0\n"
    )
    return 0


async def _df(call: Call) -> int:
    human = "-h" in call.arguments
    rows = [("/dev/root", 3_072, "/rom"), ("tmpfs", 61_354, "/tmp"), ("/dev/mtdblock4", 10_112, "/overlay")]  # noqa: S108
    unit = "      Size" if human else "1K-blocks"
    call.out(f"Filesystem           {unit}      Used Available Use% Mounted on\n")
    for name, size, place in rows:
        sizes = [f"{kib / 1024:.1f}M" if human else str(kib) for kib in (size, size // 8, size - size // 8)]
        call.out(f"{name:<20}{sizes[0]:>10}{sizes[1]:>10}{sizes[2]:>10}  12% {place}\n")
    return 0


async def _ps(call: Call) -> int:
    call.out("  PID USER       VSZ STAT COMMAND\n")
    rows = [(1, "/sbin/procd"), (1107, "/sbin/ubusd"), (1408, "/sbin/logd -S 64"), (1493, "/sbin/rpcd"),
            (1620, "/usr/sbin/dropbear -F -P /var/run/dropbear.1.pid -p 22"), (1711, "/sbin/netifd"),
            (1870, "/usr/sbin/pppd nodetach ifname pppoe-wan"), (2044, "/usr/sbin/dnsmasq -C /var/etc/dnsmasq.conf"),
            (2210, "/usr/sbin/hostapd -s -g /var/run/hostapd/global"), (6120, "ps")]  # fmt: skip
    call.out("".join(f"{number:>5} root      1308 S    {name}\n" for number, name in rows))
    return 0


async def _which(call: Call) -> int:
    found = [name for name in call.arguments if call.system.files.executable(f"/usr/bin/{name}")]
    call.out("".join(f"/usr/bin/{name}\n" for name in found))
    return int(len(found) < len(call.arguments))


async def _pidof(call: Call) -> int:
    names = {"procd": 1, "dropbear": 1620, "netifd": 1711, "pppd": 1870, "dnsmasq": 2044, "hostapd": 2210}
    found = [str(names[name]) for name in call.arguments if name in names]
    call.out(" ".join(found) + "\n" if found else "")
    return int(not found)


async def _logger(call: Call) -> int:
    call.system.note("user.notice root: " + " ".join(_options(call.arguments, with_value="tp")[1]))
    return 0


async def _crontab(call: Call) -> int:
    _, rest = _options(call.arguments, with_value="u")
    if rest == ["-"] or "-" in call.arguments:
        call.system.files.write("/etc/crontabs/root", await call.stdin_text())
    else:
        call.out(call.system.files.read("/etc/crontabs/root") or "")
    return 0


async def _flood(call: Call) -> int:
    """`yes`, for which a terminal needs back-pressure: bounded here, because pipes are not run at once."""
    word = " ".join(call.arguments) or "y"
    for _ in range(2_000):
        call.out(f"{word}\n" * 50)
        await asyncio.sleep(0)
    return 0


async def _hangup(_: Call) -> int:
    raise Hangup


def _options(words: list[str], with_value: str = "") -> tuple[dict[str, str], list[str]]:
    """Single-letter options (with their value where they take one) and the other words."""
    flags: dict[str, str] = {}
    rest: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if not word.startswith("-") or word == "-":
            rest.append(word)
            continue
        if word == "--":
            return flags, rest + queue
        for place, letter in enumerate(word[1:], start=2):
            if letter in with_value:
                flags[letter] = word[place:] or (queue.pop(0) if queue else "")
                break
            flags[letter] = ""
    if "e" in flags and "e" in with_value and flags["e"]:
        rest.insert(0, flags["e"])
    return flags, rest


APPLETS: dict[str, Program] = {
    "cat": _cat, "more": _cat, "less": _cat, "echo": _echo, "printf": _printf, "grep": _grep, "head": _head,
    "tail": _tail, "wc": _wc, "sort": _sort, "tr": _tr, "tee": _tee, "xargs": _xargs, "ls": _ls, "rm": _rm, "cp": _cp,
    "mv": _cp, "touch": _touch, "cd": _cd, "pwd": _pwd, "sh": _shell, "ash": _shell, "eval": _eval, ".": _source,
    "source": _source, "busybox": _prefix, "command": _prefix, "exec": _prefix, "nohup": _prefix, "env": _prefix,
    "time": _prefix, "timeout": _timeout, "export": _export, "set": _export, "alias": _alias, "test": _test,
    "[": _test, "exit": _exit, "true": _true, ":": _true, "chmod": _true, "mkdir": _true, "sync": _true,
    "kill": _true, "killall": _true, "false": _false, "sleep": _sleep, "date": _date, "uname": _uname, "id": _id,
    "whoami": _id, "hostname": _hostname, "uptime": _uptime, "free": _free, "df": _df, "ps": _ps, "top": _ps,
    "which": _which, "pidof": _pidof, "pgrep": _pidof, "logger": _logger, "crontab": _crontab,
    "yes": _flood, "logout": _hangup,
}  # fmt: skip
"""By name as typed."""
