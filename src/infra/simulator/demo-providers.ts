/**
 * The providers of the first run without any credential: three that a stranger can tell apart on the dashboard within
 * minutes. `sim-blue` is the quickest but small: a busy minute exhausts its request limit, it sheds load now and then, and
 * its requests fall back. `sim-green` is steady and middling. `sim-amber` is slow, and goes away for half a minute once in
 * ten. Nothing here is kept per request, so a demo may run for days.
 */
import { generousLimits, type Limits } from '#infra/simulator/rate-limits.ts'
import type { SimulatorOptions } from '#infra/simulator/simulator.ts'
import type { World } from '#infra/simulator/world.ts'

export const demoWorlds = {
  'sim-blue': {
    firstTokenMs: { median: 350, sigma: 0.35 },
    tokensPerSecond: { median: 160, sigma: 0.15 },
    answerTokens: { median: 80, sigma: 0.4 },
    failures: { rateLimitedShare: 0, overloadedShare: 0.04, serverErrorShare: 0, droppedShare: 0 },
  },
  'sim-green': {
    firstTokenMs: { median: 700, sigma: 0.3 },
    tokensPerSecond: { median: 90, sigma: 0.15 },
    answerTokens: { median: 80, sigma: 0.4 },
    failures: { rateLimitedShare: 0, overloadedShare: 0, serverErrorShare: 0.005, droppedShare: 0 },
  },
  'sim-amber': {
    firstTokenMs: { median: 1_300, sigma: 0.5 },
    tokensPerSecond: { median: 55, sigma: 0.25 },
    answerTokens: { median: 80, sigma: 0.4 },
    failures: { rateLimitedShare: 0, overloadedShare: 0.01, serverErrorShare: 0.02, droppedShare: 0 },
    outages: { everyMs: 600_000, lastsMs: 30_000, how: 'serverError' },
  },
} as const satisfies { readonly [id: string]: World }

export type DemoProvider = keyof typeof demoWorlds

const limits: { readonly [K in DemoProvider]: Limits } = {
  'sim-blue': { requestsPerMinute: 12, inputTokensPerMinute: 400_000, outputTokensPerMinute: 40_000 },
  'sim-green': { requestsPerMinute: 300, inputTokensPerMinute: 4_000_000, outputTokensPerMinute: 400_000 },
  'sim-amber': generousLimits,
}

/** Options for `startSimulator`, in the order in which a priority list should name them. */
export const demoProviders = (seed = 1): readonly (SimulatorOptions & { readonly id: DemoProvider })[] =>
  (['sim-blue', 'sim-green', 'sim-amber'] as const).map((id) => ({
    id,
    seed,
    world: demoWorlds[id],
    limits: limits[id],
    keepRequests: 0,
  }))
