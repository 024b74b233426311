/**
 * Colours of runs: told apart by those who see colours differently too, and with contrast on light and on dark ground.
 * After the last colour the lines are dashed.
 */
const LIGHT = ['#0072b2', '#d55e00', '#007f5f', '#b1388f', '#8a6d00', '#5a4fcf', '#5f6b76'];
const DARK = ['#56b4e9', '#ff9248', '#2fc797', '#f08cc8', '#e6c53a', '#a9a2ff', '#b4c0cb'];
const DASHES: ReadonlyArray<number[]> = [[], [6, 3], [2, 3], [8, 3, 2, 3]];

/** How a run is drawn. */
export interface IStroke {
  readonly colour: string;
  /** Lengths of dashes and gaps; empty for a line. */
  readonly dash: number[];
}

/** Gives each run a colour that it keeps while the page is open; those shown together get different ones. */
class ColourBook {
  /** The strokes of runs that are shown together. */
  strokes(runs: ReadonlyArray<string>, dark: boolean): Map<string, IStroke> {
    const palette = dark ? DARK : LIGHT;
    const taken = new Set<number>();
    for (const run of runs) {
      const slot = this._slots.get(run);
      if (slot !== undefined && taken.has(slot)) {
        this._slots.delete(run); // they were not shown together before
      } else if (slot !== undefined) {
        taken.add(slot);
      }
    }
    const strokes = new Map<string, IStroke>();
    for (const run of runs) {
      const slot = this._slots.get(run) ?? this._free(taken, palette.length);
      taken.add(slot);
      this._slots.set(run, slot);
      const dash = DASHES[Math.floor(slot / palette.length) % DASHES.length];
      strokes.set(run, { colour: palette[slot % palette.length], dash });
    }
    return strokes;
  }

  /** A slot that none of those shown has: in the first round of colours that has one, the one that fewest runs have at all. */
  private _free(taken: ReadonlySet<number>, colours: number): number {
    const uses = new Map<number, number>();
    for (const slot of this._slots.values()) {
      uses.set(slot, (uses.get(slot) ?? 0) + 1);
    }
    for (let round = 0; round < DASHES.length; round++) {
      const free = [...Array(colours).keys()]
        .map(each => round * colours + each)
        .filter(slot => !taken.has(slot));
      if (free.length > 0) {
        return free.reduce((a, b) => ((uses.get(b) ?? 0) < (uses.get(a) ?? 0) ? b : a));
      }
    }
    return taken.size % (colours * DASHES.length);
  }

  private readonly _slots = new Map<string, number>();
}

export const colourBook = new ColourBook();

/** Points of the viridis scale, which runs evenly for every kind of sight. */
const VIRIDIS: ReadonlyArray<readonly [number, number, number]> = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37]
];

/** A colour for a share from 0 to 1; the ends that would not be seen on the ground are left out. */
export function ramp(share: number, dark: boolean): string {
  const [from, to] = dark ? [0.25, 1] : [0, 0.85];
  const at = (from + Math.min(1, Math.max(0, share)) * (to - from)) * (VIRIDIS.length - 1);
  const low = Math.min(VIRIDIS.length - 2, Math.floor(at));
  const [a, b] = [VIRIDIS[low], VIRIDIS[low + 1]];
  const mixed = a.map((value, index) => Math.round(value + (b[index] - value) * (at - low)));
  return `rgb(${mixed.join(' ')})`;
}

/** The scale as the background of a legend. */
export function rampGradient(dark: boolean): string {
  const stops = [0, 0.2, 0.4, 0.6, 0.8, 1].map(share => ramp(share, dark));
  return `linear-gradient(to right, ${stops.join(', ')})`;
}
