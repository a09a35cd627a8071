"""Lets somebody else's driver read our simulated chip at a real terminal.

`python -m tests.oracles.serial_witness FOLDER MODULE NAME PATH` runs in a process of its own, with the folder of
third-party packages ahead on the path. For each line on stdin it reads once and prints
what it read, as JSON on one line.
"""

from __future__ import annotations

import base64
import contextlib
import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

Values = dict[str, float]
Read = Callable[[str], Values]
NUMBERS = ("0_3", "0_5", "1_0", "2_5", "5_0", "10_0")
OURS = ("nc_gt0_3", "nc_gt0_5", "nc_gt1", "nc_gt2_5", "nc_gt5", "nc_gt10")


def py_sds011_asking(path: str) -> Read:
    sensor = import_module("sds011").SDS011(path, use_query_mode=True)

    def read(_: str) -> Values:
        fine, coarse = sensor.query()
        return {"pm2_5": fine, "pm10": coarse}

    return read


def py_sds011_listening(path: str) -> Read:
    sensor = import_module("sds011").SDS011(path, use_query_mode=False)

    def read(_: str) -> Values:
        sensor.ser.reset_input_buffer()
        fine, coarse = sensor.read()
        return {"pm2_5": fine, "pm10": coarse}

    return read


def pypms(model: str, take: Callable[[Any], Values]) -> Callable[[str], Read]:
    def opened(path: str) -> Read:
        vars(time)["sleep"] = lambda seconds: None  # it preheats
        reader = import_module("pms.core.reader").SensorReader(model, path, timeout=30)
        with contextlib.redirect_stdout(sys.stderr):
            reader.open()
        return lambda _: take(next(iter(reader())))

    return opened


def of_pypms_plantower(seen: Any) -> Values:
    mass = {"pm1": seen.pm01, "pm2_5": seen.pm25, "pm10": seen.pm10}
    return mass | {"pm1_cf1": seen.raw01, "pm2_5_cf1": seen.raw25, "pm10_cf1": seen.raw10} | {
        ours: getattr(seen, f"n{theirs}") for ours, theirs in zip(OURS, NUMBERS, strict=True)
    }  # fmt: skip


def plantower(path: str) -> Read:
    sensor = import_module("plantower").Plantower(path, read_timeout=30)

    def read(_: str) -> Values:
        seen = sensor.read()
        counts = (seen.gr03um, seen.gr05um, seen.gr10um, seen.gr25um, seen.gr50um, seen.gr100um)
        return {
            "pm1": seen.pm10_std, "pm2_5": seen.pm25_std, "pm10": seen.pm100_std,
            "pm1_cf1": seen.pm10_cf1, "pm2_5_cf1": seen.pm25_cf1, "pm10_cf1": seen.pm100_cf1,
        } | {ours: count / 100 for ours, count in zip(OURS, counts, strict=True)}  # fmt: skip

    return read


def pms7003(path: str) -> Read:
    sensor = import_module("pms7003").Pms7003Sensor(path)

    def read(_: str) -> Values:
        seen = sensor.read()
        names = {"pm1": "pm1_0", "pm2_5": "pm2_5", "pm10": "pm10"}
        values = {ours: seen[theirs] for ours, theirs in names.items()}
        values |= {f"{ours}_cf1": seen[f"{theirs}cf1"] for ours, theirs in names.items()}
        return values | {ours: seen[f"n{n}"] / 100 for ours, n in zip(OURS, (*NUMBERS[:5], "10"), strict=True)}

    return read


def mh_z19(path: str) -> Read:
    module = import_module("mh_z19")
    module.set_serialdevice(path)

    def read(_: str) -> Values:
        seen = module.read_all(serial_console_untouched=True)
        return {"co2": seen["co2"], "temperature": seen["temperature"]}

    return read


def of_telegram(telegram: Any) -> Values:
    """What dsmr-parser found in a telegram, under our names and in our units."""
    plain = {
        "energy_import.t1": "ELECTRICITY_USED_TARIFF_1", "energy_import.t2": "ELECTRICITY_USED_TARIFF_2",
        "energy_export.t1": "ELECTRICITY_DELIVERED_TARIFF_1", "energy_export.t2": "ELECTRICITY_DELIVERED_TARIFF_2",
        "power": "CURRENT_ELECTRICITY_USAGE", "power_export": "CURRENT_ELECTRICITY_DELIVERY",
        "gas_volume": "HOURLY_GAS_METER_READING",
    } | {
        f"{ours}.l{phase}": f"INSTANTANEOUS_{theirs.format(phase)}"
        for phase in (1, 2, 3)
        for ours, theirs in (
            ("voltage", "VOLTAGE_L{}"), ("current", "CURRENT_L{}"),
            ("power", "ACTIVE_POWER_L{}_POSITIVE"), ("power_export", "ACTIVE_POWER_L{}_NEGATIVE"),
        )
    }  # fmt: skip
    found = {ours: getattr(telegram, theirs, None) for ours, theirs in plain.items()}
    if found["gas_volume"] is None:
        found["gas_volume"] = getattr(telegram, "GAS_METER_READING", None)
    values = {ours: float(each.value) for ours, each in found.items() if each is not None and each.value is not None}
    values = {name: value * 1000 if name.startswith("power") else value for name, value in values.items()}
    return values | {PIPES[kind]: volume for kind, volume in pipes(telegram) if kind in PIPES}


PIPES = {3: "gas_volume", 7: "water_volume"}


def pipes(telegram: Any) -> list[tuple[int, float]]:
    """The meters on the M-Bus, for the versions for which dsmr-parser knows such a list."""
    found = []
    for device in getattr(telegram, "MBUS_DEVICES", []):
        kind, value = getattr(device, "MBUS_DEVICE_TYPE", None), getattr(device, "MBUS_METER_READING", None)
        if kind is not None and value is not None and value.value is not None:
            found.append((int(kind.value), float(value.value)))
    return found


def dsmr_parser_at_the_port(path: str) -> Read:
    clients = import_module("dsmr_parser.clients")
    specifications = import_module("dsmr_parser.telegram_specifications")
    reader = clients.SerialReader(path, clients.SERIAL_SETTINGS_V5, specifications.V5)
    telegrams = reader.read_as_object()

    def read(_: str) -> Values:
        next(telegrams)  # may have begun before we were asked
        return of_telegram(next(telegrams))

    return read


def dsmr_parser(specification: str) -> Callable[[str], Read]:
    def opened(_: str) -> Read:
        specifications = import_module("dsmr_parser.telegram_specifications")
        parser = import_module("dsmr_parser.parsers").TelegramParser(getattr(specifications, specification))
        return lambda line: of_telegram(parser.parse(base64.b64decode(line).decode("latin-1")))

    return opened




WITNESSES: dict[str, Callable[[str], Read]] = {
    "py_sds011_asking": py_sds011_asking,
    "py_sds011_listening": py_sds011_listening,
    "pypms_sds011": pypms("SDS011", lambda seen: {"pm2_5": seen.pm25, "pm10": seen.pm10}),
    "pypms_pms5003": pypms("PMS5003", of_pypms_plantower),
    "pypms_mhz19": pypms("MHZ19B", lambda seen: {"co2": seen.CO2}),
    "plantower": plantower,
    "pms7003": pms7003,
    "mh_z19": mh_z19,
    "dsmr_parser_at_the_port": dsmr_parser_at_the_port,
    "dsmr_parser_v5": dsmr_parser("V5"),
    "dsmr_parser_v4": dsmr_parser("V4"),
    "dsmr_parser_v2_2": dsmr_parser("V2_2"),
    "dsmr_parser_belgian": dsmr_parser("BELGIUM_FLUVIUS"),
}


def main() -> None:
    folder, module, name, path = sys.argv[1:]
    sys.path.insert(0, folder)
    warnings.simplefilter("ignore")
    found = import_module(module)
    read = (getattr(found, "WITNESSES", {}).get(name) or getattr(found, name))(path)
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(read(line.strip())), flush=True)


if __name__ == "__main__":
    main()
