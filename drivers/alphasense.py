"""Alphasense four-electrode gas cells (A4 and B4) on an ISB or AFE board: NO2, O3, CO, SO2, NO.

Source: Alphasense Application Note 803 for the arithmetic (drivers/electrodes.py), the individual sheet of each cell
for its numbers; the converter is drivers/ads1115.py, with its wiring. The board's OP1 (working electrode) goes to
input `we_input`, OP2 (auxiliary) to `ae_input`, its supply to a calm 3V3 to 5 V, well below which the inputs must
stay.

All of the sheet goes into the settings: electronic and sensor zeros in mV, the sensitivity in mV per ppb. Without a
sensitivity only the electrode voltages leave, in volts; with it they leave as well, so that a better formula can be
applied years later. Concentrations below zero are noise and are told as they are.

The correction needs the temperature of the air: `beside` must name a sensor that measures it, else nothing can be
told. Beyond -30 to 50 °C the factors of the end are used and the gas is flagged as out of range. An OX cell sees NO2
as well: ozone needs the NO2 of a neighbour beside it, and the sheet's `no2_sensitivity_mv_per_ppb`. A cell takes
hours after power came (`warm_up_h`), and minutes after the air has warmed or cooled quickly (`steady_c_per_min`);
until then it is flagged as warming.
"""

from __future__ import annotations

from collections import deque

from drivers.ads1115 import INPUT, RATE_HZ, Channel, ConverterDriver, Sample, channel
from drivers.electrodes import TABLE, Cell, Electrode, within
from drivers.errors import NotMeasured
from drivers.reading import Flag, Quantity, Reading
from drivers.setting import Chosen, Setting
from drivers.talk import Talk

GASES = {gas.value: gas for gas in (Quantity.NO2, Quantity.O3, Quantity.CO, Quantity.SO2, Quantity.NO)}
MODELS = {"no2": "NO2-B43F", "o3": "OX-B431", "co": "CO-B4", "so2": "SO2-B4", "no": "NO-B4"}
OF_GAS = {"no2": "NO2-", "o3": "OX-", "co": "CO-", "so2": "SO2-", "no": "NO-"}
SINGLE = tuple(str(choice) for choice in INPUT.choices if "-" not in str(choice))
LOOK_BACK_US, SHORTEST_US = 300_000_000, 30_000_000  # temperatures that tell how quickly the air changed
MV, MIN_US = 1000.0, 60_000_000.0


def zero(electrode: str, which: str, what: str) -> Setting:
    return Setting(f"{electrode}_{which}_mv", 0.0, f"{what} of the sheet, in mV", (), -1000, 1000)


class Alphasense(ConverterDriver):
    """One gas in ppb, and the voltages of both electrodes."""

    name = "alphasense"
    title = "Alphasense A4 and B4 cells: NO2, O3, CO, SO2, NO, at an ADS1115"
    datasheet = "https://www.alphasense.com/wp-content/uploads/2019/10/AAN-803-05.pdf"
    measures: tuple[Quantity, ...] = (*GASES.values(), Quantity.ELECTRODE_VOLTAGE)  # a sensor: one gas, if any
    uses = (Quantity.TEMPERATURE, Quantity.NO2)
    settings = (
        Setting("gas", "no2", "what the cell measures", tuple(GASES)),
        Setting("model", "auto", "the cell; auto: the B4 size for this gas", ("auto", *TABLE)),
        Setting("algorithm", 0, "of Application Note 803; 0: the recommended one", (0, 1, 2, 3, 4)),
        Setting("we_input", "0", "input of the working electrode", SINGLE),
        Setting("ae_input", "1", "input of the auxiliary electrode", SINGLE),
        Setting("fsr_v", 2.048, "full scale in V", (6.144, 4.096, 2.048, 1.024, 0.512)),
        Setting("rate", 16, RATE_HZ.help, RATE_HZ.choices),
        zero("we", "electronic", "electronic zero of the working electrode"),
        zero("we", "sensor", "sensor zero of the working electrode"),
        zero("ae", "electronic", "electronic zero of the auxiliary electrode"),
        zero("ae", "sensor", "sensor zero of the auxiliary electrode"),
        Setting("sensitivity_mv_per_ppb", 0.0, "of the sheet; 0: only the voltages", (), -10, 10),
        Setting("no2_sensitivity_mv_per_ppb", 0.0, "of an OX cell to NO2, of the sheet", (), -10, 10),
        Setting("warm_up_h", 24.0, "hours after power came until it is believed", (), 0, 240),
        Setting("steady_c_per_min", 1.0, "above this change of the air's temperature it is not believed", (), 0.1, 60),
    )
    interval_min_s = 1.0
    still_s = 3600.0
    bus_bytes = 2 * ConverterDriver.bus_bytes

    def __init__(self, **settings: Chosen) -> None:
        """Raises ValueError also for a model of another gas, and for one input named twice."""
        super().__init__(**settings)
        self.gas = GASES[str(self.chosen["gas"])]
        self.cell = self._cell()
        inputs = (self.chosen["we_input"], self.chosen["ae_input"])
        if inputs[0] == inputs[1]:
            raise ValueError("alphasense.ae_input must be another input than we_input")
        self._we, self._ae = (channel(one, self.chosen["fsr_v"], self.chosen["rate"]) for one in inputs)
        self.warm_up_s = self._number("warm_up_h") * 3600.0
        gas = (self.gas,) if self.cell.sensitivity_mv_per_ppb else ()
        self.measures = (*gas, Quantity.ELECTRODE_VOLTAGE)
        if gas:
            self.needs = self.uses if self.gas is Quantity.O3 else (Quantity.TEMPERATURE,)
        self._air: deque[tuple[int, float]] = deque()  # when, and how warm it was

    def _number(self, name: str) -> float:
        return float(self.chosen[name])

    def _cell(self) -> Cell:
        gas, model = self.gas.value, str(self.chosen["model"])
        model = MODELS[gas] if model == "auto" else model
        if not model.startswith(OF_GAS[gas]):
            raise ValueError(f"alphasense.model {model} does not measure {gas}")
        we, ae = (Electrode(self._number(f"{e}_electronic_mv"), self._number(f"{e}_sensor_mv")) for e in ("we", "ae"))
        return Cell(model, int(self.chosen["algorithm"]), we, ae, self._number("sensitivity_mv_per_ppb"))

    @property
    def channels(self) -> tuple[Channel, ...]:
        return self._we, self._ae

    def read(self) -> Talk[list[Reading]]:
        we = yield from self._we.sample()
        ae = yield from self._ae.sample()
        voltages = [
            Reading(Quantity.ELECTRODE_VOLTAGE, we.volts, "we", we.flags),
            Reading(Quantity.ELECTRODE_VOLTAGE, ae.volts, "ae", ae.flags),
        ]
        return [self._gas(we, ae), *voltages] if self.cell.sensitivity_mv_per_ppb else voltages

    def _gas(self, we: Sample, ae: Sample) -> Reading:
        celsius = self._temperature()
        corrected = self.cell.corrected_mv(we.volts * MV, ae.volts * MV, celsius)
        if self.gas is Quantity.O3:
            corrected -= self._no2_mv()
        flags = we.flags | ae.flags | (Flag.NONE if within(celsius) else Flag.RANGE)
        if self._unsteady(celsius):
            flags |= Flag.WARMING
        return Reading(self.gas, corrected / self.cell.sensitivity_mv_per_ppb, flags=flags)

    def _temperature(self) -> float:
        celsius = self.known.get(Quantity.TEMPERATURE)
        if celsius is None:
            raise NotMeasured(
                f"{self.gas.value} can not be told without the temperature of the air: "
                'write beside = "…" with the name of a sensor that measures it'
            )
        return celsius

    def _no2_mv(self) -> float:
        """What of an OX cell's voltage is due to NO2."""
        no2, sensitivity = self.known.get(Quantity.NO2), self._number("no2_sensitivity_mv_per_ppb")
        if no2 is None or not sensitivity:
            raise NotMeasured(
                "o3 can not be told without NO2: write no2_sensitivity_mv_per_ppb of the sheet, and "
                'beside = "…" with the name of the NO2 sensor, which is itself beside a thermometer'
            )
        return no2 * sensitivity

    def _unsteady(self, celsius: float) -> bool:
        """Whether the air changed too quickly within the last minutes for the cell to follow."""
        while self._air and self.at_us - self._air[0][0] > LOOK_BACK_US:
            self._air.popleft()
        if not self._air or self.at_us > self._air[-1][0]:
            self._air.append((self.at_us, celsius))
        steepest = self._number("steady_c_per_min")
        pairs = [(then, was) for then, was in self._air if self.at_us - then >= SHORTEST_US]
        return any(abs(celsius - was) > steepest * (self.at_us - then) / MIN_US for then, was in pairs)
