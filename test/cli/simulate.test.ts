/**
 * `signalbox simulate`: what it prints, and the log that it leaves.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { TestConsole } from 'effect/testing'
import { Books, EventLog } from '#actors/ports.ts'
import { readOnlyDatabaseLayer } from '#cli/database.ts'
import { replay } from '#cli/replay.ts'
import { type SimulateOptions, simulateScenario } from '#cli/simulate.ts'
import { parseWeights } from '#cli/simulate-command.ts'
import { scratchFolder } from '#test/signalbox-process.ts'

const simulated = (options: Partial<SimulateOptions> = {}) =>
  Effect.gen(function* () {
    const code = yield* simulateScenario({ scenario: 'steady', seed: 1, hours: 0.2, json: false, ...options })
    const text = (yield* TestConsole.logLines).join('\n')
    return { code, text, errors: (yield* TestConsole.errorLines).join('\n') }
  })

describe('a simulation', () => {
  it.effect('prints what came of it, who served what share, and how to have it again', () =>
    Effect.gen(function* () {
      const { code, text } = yield* simulated({ strategy: 'cost' })
      expect(code).toBe(0)
      expect(text).toMatch(/^steady: An ordinary morning/)
      expect(text).toMatch(/turns served +[\d,]+ of [\d,]+ {2}\d+\.\d{3} %/)
      expect(text).toMatch(/time to first token +p50 [\d,]+ ms, p95 [\d,]+ ms/)
      expect(text).toMatch(/^anthropic +[\d,]+ +\d+\.\d % +\$\d+\.\d\d +\d+$/m)
      expect(text).toMatch(/The same again: signalbox simulate steady --seed 1 --hours 0\.2 --strategy cost$/)
    }),
  )

  it.effect('prints the same as JSON, for the same seed', () =>
    Effect.gen(function* () {
      const first = JSON.parse((yield* simulated({ json: true })).text) as { readonly outcome: object }
      const both = (yield* simulated({ json: true })).text.split('\n')
      const second = JSON.parse(both.at(-1) ?? '') as { readonly outcome: object }
      expect(second.outcome).toEqual(first.outcome)
    }),
  )

  it.effect('that misses what was expected ends with 1 and the command that shows it again', () =>
    Effect.gen(function* () {
      const folder = yield* scratchFolder
      const scenario = join(folder, 'hopeless.yaml')
      const { writeFileSync } = yield* Effect.promise(() => import('node:fs'))
      writeFileSync(
        scenario,
        'about: Nobody is there\nhours: 0.05\nusers: 2\nproviders: { only: { events: [{ from: 0, outage: errors }] } }\nexpect: { served: 0.5 }\n',
      )
      const { code, errors } = yield* simulated({ scenario, seed: 3, hours: undefined })
      expect(code).toBe(1)
      expect(errors).toContain('seed 3 misses:\n  the share that was served is 0, at least 0.5 was expected')
      expect(errors).toContain(`again: signalbox simulate ${scenario} --seed 3`)
    }),
  )

  it.effect('leaves a log of which every decision is derived again, with its snapshot and its books', () =>
    Effect.gen(function* () {
      const log = join(yield* scratchFolder, 'made.db')
      const { code } = yield* simulated({ scenario: 'price-change', hours: 1.2, log, json: true })
      expect(code).toBe(0)
      yield* Effect.gen(function* () {
        expect(yield* replay({ json: true })).toBe(0)
        const report = JSON.parse((yield* TestConsole.logLines).at(-1) as string) as Record<string, unknown>
        expect(report).toMatchObject({ identical: true, snapshotComparedAt: report.events })
        const changes = yield* (yield* EventLog).read({ after: 0, limit: 10, types: ['PolicyChanged'] })
        expect(changes).toHaveLength(2)
        const costs = yield* (yield* Books).costs({ by: ['provider'], timeZone: 'UTC', limit: 10 })
        expect(costs.total.requests).toBeGreaterThan(100)
        expect(costs.total.costNanoUsd).toBeGreaterThan(0)
      }).pipe(Effect.provide(Layer.fresh(readOnlyDatabaseLayer(`sqlite:${log}`))))
    }),
  )

  it.effect('does not add to a log that has events', () =>
    Effect.gen(function* () {
      const log = join(yield* scratchFolder, 'made.db')
      yield* simulated({ log })
      expect(existsSync(log)).toBe(true)
      const error = yield* Effect.flip(simulated({ log }))
      expect(error.message).toContain('has events already')
    }),
  )
})

describe('weights on the command line', () => {
  it('keep what they do not name', () => {
    expect(parseWeights('cost=0.5, headroom=0')).toEqual({
      headroom: 0,
      performance: 0.3,
      cost: 0.5,
      reliability: 0.1,
    })
  })

  it.each(['price=1', 'cost', 'cost=', 'cost=-1', ''])('are refused when they are none: "%s"', (text) => {
    expect(() => parseWeights(text)).toThrow(/the factors are headroom, performance, cost, reliability/)
  })
})
