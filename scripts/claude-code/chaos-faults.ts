/**
 * What can be broken around one box at work: itself, its disk, its providers, the server of their tokens, the network on both sides.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Effect, type Scope } from 'effect'
import { draw } from '#infra/simulator/draws.ts'
import type { World } from '#infra/simulator/world.ts'
import type { Toxic } from '#test/fault-lane.ts'
import type { ChaosBed } from './chaos-bed.ts'

export type ChaosFault =
  /** kill -9, and a new process in its place after so long. */
  | { readonly _tag: 'KillBox'; readonly forMs: number }
  /** SIGTERM, and a new process when that has ended. */
  | { readonly _tag: 'StopBox' }
  /** SIGSTOP, then SIGCONT. */
  | { readonly _tag: 'PauseBox'; readonly forMs: number }
  /** No byte is free on the disk of the box. */
  | { readonly _tag: 'FillDisk'; readonly forMs: number }
  /** The file of the log lies elsewhere meanwhile. */
  | { readonly _tag: 'HideLog'; readonly forMs: number }
  /** These providers answer otherwise. */
  | {
      readonly _tag: 'Storm'
      readonly of: 'all' | 'first'
      readonly failures: Partial<World['failures']>
      readonly tokensPerSecond?: number
      readonly forMs: number
    }
  /** The tokens of the first provider are worth nothing any more, and no new ones are to be had. */
  | { readonly _tag: 'NoTokens'; readonly forMs: number }
  | { readonly _tag: 'Network'; readonly where: 'client' | 'provider'; readonly toxic: Toxic; readonly forMs: number }

export const calm: World = {
  firstTokenMs: { median: 25, sigma: 0.6 },
  tokensPerSecond: { median: 1_500, sigma: 0.5 },
  answerTokens: { median: 60, sigma: 0.6 },
  failures: { rateLimitedShare: 0.002, overloadedShare: 0.02, serverErrorShare: 0.02, droppedShare: 0.01 },
}

export const suffer = (bed: ChaosBed, fault: ChaosFault, index: number): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const rest = (ms: number) => Effect.promise(() => wait(ms))
    switch (fault._tag) {
      case 'KillBox':
        bed.box().signal('SIGKILL')
        yield* bed.box().exited
        yield* rest(fault.forMs)
        yield* bed.start
        return
      case 'StopBox': {
        bed.box().signal('SIGTERM')
        const { code } = yield* bed.box().exited
        if (code !== 0) bed.problems.push(`fault ${index + 1}: the box stops with ${code}`)
        yield* bed.start
        return
      }
      case 'PauseBox':
        bed.box().signal('SIGSTOP')
        yield* rest(fault.forMs)
        bed.box().signal('SIGCONT')
        return
      case 'FillDisk': {
        const ballast = fill(bed.folder)
        yield* rest(fault.forMs)
        rmSync(ballast, { recursive: true })
        return
      }
      case 'HideLog': {
        const [path, away] = [join(bed.folder, 'log.db'), join(bed.folder, 'elsewhere.db')]
        renameSync(path, away)
        yield* rest(fault.forMs)
        renameSync(away, path)
        return
      }
      case 'Storm': {
        const of = fault.of === 'all' ? bed.providers : bed.providers.slice(0, 1)
        const { tokensPerSecond } = fault
        const world = {
          ...calm,
          failures: { ...calm.failures, ...fault.failures },
          ...(tokensPerSecond === undefined ? {} : { tokensPerSecond: { median: tokensPerSecond, sigma: 0 } }),
        }
        for (const provider of of) provider.live(world)
        yield* rest(fault.forMs)
        for (const provider of of) provider.live(calm)
        return
      }
      case 'NoTokens':
        bed.google.revoke()
        yield* bed.tokens.down
        yield* rest(fault.forMs)
        yield* bed.tokens.up
        return
      case 'Network': {
        const way = fault.where === 'client' ? bed.entrance : bed.ways[index % bed.ways.length]
        way?.set('down', fault.toxic)
        yield* rest(fault.forMs)
        way?.clear()
        return
      }
    }
  })

/** Until nothing more fits, down to the last byte. */
const fill = (folder: string): string => {
  const ballast = join(folder, 'ballast')
  mkdirSync(ballast)
  const file = openSync(join(ballast, 'file'), 'w')
  for (let size = 1_048_576; size >= 1; size = Math.floor(size / 2)) {
    const piece = Buffer.alloc(size)
    try {
      while (writeSync(file, piece) === size);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
  closeSync(file)
  return ballast
}

/** A disk of its own, which is so small that it can be filled; false where this user may not have one. */
export const mountSmallDisk = (folder: string): Effect.Effect<boolean, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'tmpfs', folder]).status === 0),
    (isMounted) => Effect.sync(() => isMounted && spawnSync('umount', ['-l', folder])),
  )

/** Faults as a seed has them. */
export const drawnFaults = (seed: number, count: number, canFill: boolean): readonly ChaosFault[] =>
  Array.from({ length: count }, (_, n): ChaosFault => {
    const chance = (purpose: number) => draw(seed, n, purpose)
    const forMs = Math.round(500 + chance(2) * 7_500)
    const of = chance(3) < 0.5 ? 'all' : 'first'
    const network = (toxic: Toxic): ChaosFault => ({
      _tag: 'Network',
      where: chance(3) < 0.5 ? 'client' : 'provider',
      toxic,
      forMs,
    })
    const box: readonly ChaosFault[] = [
      { _tag: 'KillBox', forMs: chance(3) < 0.5 ? 0 : forMs },
      { _tag: 'StopBox' },
      { _tag: 'PauseBox', forMs: chance(3) < 0.7 ? 5_000 : 30_000 },
      { _tag: 'HideLog', forMs },
      ...(canFill ? [{ _tag: 'FillDisk', forMs: 2 * forMs } as const] : []),
    ]
    const providers: readonly ChaosFault[] = [
      { _tag: 'Storm', of, failures: { rateLimitedShare: 0.9 }, forMs },
      { _tag: 'Storm', of, failures: { overloadedShare: 0.9 }, forMs },
      { _tag: 'Storm', of, failures: { serverErrorShare: 0.9 }, forMs },
      { _tag: 'Storm', of, failures: { droppedShare: 0.7 }, forMs },
      { _tag: 'Storm', of, failures: {}, tokensPerSecond: 4, forMs },
      { _tag: 'NoTokens', forMs },
    ]
    const ways: readonly ChaosFault[] = [
      network({ _tag: 'Latency', latencyMs: 200, jitterMs: 150 }),
      network({ _tag: 'Bandwidth', bytesPerSecond: 4_000 }),
      network({ _tag: 'Slicer', averageBytes: 3, delayMs: 1 }),
      network({ _tag: 'ResetPeer', afterMs: 300 }),
      network({ _tag: 'LimitData', bytes: 2_000, how: 'fin' }),
      network({ _tag: 'Timeout', afterMs: 1_500 }),
      network({ _tag: 'HalfOpen' }),
    ]
    const kind = chance(4)
    const kinds = kind < 0.45 ? box : kind < 0.75 ? providers : ways
    return kinds[Math.floor(chance(1) * kinds.length)] ?? { _tag: 'StopBox' }
  })
