/** For people and for the disk; what was decided was decided with all digits. Most are 0, 1 or -1, and printing is slow. */
export const rounded = (value: number): number =>
  Number.isInteger(value) && Math.abs(value) < 10_000 ? value + 0 : Number(value.toPrecision(4))
