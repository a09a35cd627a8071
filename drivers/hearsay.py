"""What a device may tell of whom we know nothing but what its board says: a register map, lines of text.

Places and speeds of vehicles leave a pole by their own drivers or not at all, because those know what must not leave; a
count belongs to a window, which such a device does not have (`count_total` is its like). And nobody but the host knows
the host's vitals.
"""

from __future__ import annotations

from drivers.reading import Quantity as Q

NEVER = {
    Q.LATITUDE, Q.LONGITUDE, Q.ALTITUDE, Q.VEHICLE_SPEED, Q.COUNT,
    Q.CPU_LOAD, Q.MEMORY_AVAILABLE, Q.DISK_FREE, Q.UPTIME, Q.THROTTLED,
}  # fmt: skip
MAY_BE_TOLD = tuple(quantity.value for quantity in Q if quantity not in NEVER)
