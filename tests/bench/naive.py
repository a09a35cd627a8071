"""The peer of the agent: the script that everybody writes first. It reads a PMS5003 and /proc, and publishes JSON.

No journal, no flags, nothing that survives a restart: only what it costs. Arguments: host, port, user, password,
client id, node, serial port. One message a reading, QoS 1, on `lantaarn/v1/<node>/up/record`, where it has the right.
"""

import json
import sys
import time

import paho.mqtt.client as mqtt
import serial
from paho.mqtt.enums import CallbackAPIVersion

MASS = ["pm1_cf1", "pm2_5_cf1", "pm10_cf1", "pm1", "pm2_5", "pm10"]
NAMES = [*MASS, "nc_gt0_3", "nc_gt0_5", "nc_gt1", "nc_gt2_5", "nc_gt5", "nc_gt10"]


def payload(name: str, wall_s: float, value: float) -> bytes:
    return json.dumps({"n": name, "t": round(wall_s, 3), "v": value}, separators=(",", ":")).encode()


def main(host: str, port: str, user: str, password: str, client_id: str, node: str, device: str) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id)
    client.username_pw_set(user, password)
    client.connect(host, int(port))
    client.loop_start()
    topic, looked = f"lantaarn/v1/{node}/up/record", 0.0
    with serial.Serial(device, 9600, timeout=1) as line:
        while True:
            if time.time() - looked >= 1:
                looked = time.time()
                for name, path in (("cpu_load", "/proc/loadavg"), ("uptime", "/proc/uptime")):
                    with open(path, encoding="ascii") as file:
                        client.publish(topic, payload(name, looked, float(file.read().split()[0])), 1)
            frame = line.read(32)
            if frame[:2] == b"\x42\x4d" and sum(frame[:30]) == int.from_bytes(frame[30:], "big"):
                for number, name in enumerate(NAMES):
                    word = int.from_bytes(frame[4 + 2 * number : 6 + 2 * number], "big")
                    client.publish(topic, payload(name, time.time(), word / 100 if number > 5 else word), 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
