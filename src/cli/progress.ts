/**
 * A progress bar on standard error, only where somebody watches: on a terminal, and never beside --json.
 */
export interface Progress {
  /** Share done, 0 to 1. */
  readonly update: (share: number) => void
  readonly done: () => void
}

const WIDTH = 30

export const progress = (label: string, quiet: boolean): Progress => {
  if (quiet || !process.stderr.isTTY) return { update: () => undefined, done: () => undefined }
  let shown = -1
  return {
    update: (share) => {
      const percent = Math.floor(Math.min(1, Math.max(0, share)) * 100)
      if (percent === shown) return
      shown = percent
      const full = Math.round((percent / 100) * WIDTH)
      process.stderr.write(`\r${label} [${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}] ${percent}%`)
    },
    done: () => process.stderr.write(`\r${' '.repeat(label.length + WIDTH + 8)}\r`),
  }
}
