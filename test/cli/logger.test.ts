/** Who gets which form of the lines: a terminal, a pipe, and whoever asks for another. */
import { afterEach, beforeEach, describe, expect, it } from '@effect/vitest'
import { Console, Effect } from 'effect'
import { loggerLayer } from '#cli/logger.ts'
import type { Config } from '#infra/config/config.ts'

const { isTTY } = process.stderr
const noColour = process.env.NO_COLOR

beforeEach(() => {
  delete process.env.NO_COLOR
})
afterEach(() => {
  process.stderr.isTTY = isTTY
  if (noColour === undefined) delete process.env.NO_COLOR
  else process.env.NO_COLOR = noColour
})

/** What goes to standard error, and to standard output. */
const printed = (log: Config['log'], isTerminal: boolean) =>
  Effect.gen(function* () {
    process.stderr.isTTY = isTerminal
    const error: unknown[] = []
    const output: unknown[] = []
    const listening = {
      ...console,
      error: (...texts: readonly unknown[]) => void error.push(...texts),
      log: (...texts: readonly unknown[]) => void output.push(...texts),
    }
    yield* Effect.logInfo('hello').pipe(
      Effect.andThen(Effect.logDebug('too much')),
      Effect.provide(loggerLayer(log)),
      Effect.provideService(Console.Console, listening),
    )
    expect(output).toEqual([])
    expect(error).toHaveLength(1)
    return String(error[0])
  })

describe('the lines', () => {
  it.effect('are JSON for a pipe', () =>
    Effect.gen(function* () {
      expect(JSON.parse(yield* printed({ level: 'info' }, false))).toMatchObject({
        message: 'hello',
        'log.level': 'info',
      })
    }),
  )

  it.effect('are for people on a terminal, in colours unless NO_COLOR says otherwise', () =>
    Effect.gen(function* () {
      expect(yield* printed({ level: 'info' }, true)).toContain('\u001b[32mINFO \u001b[0m hello')
      process.env.NO_COLOR = '1'
      expect(yield* printed({ level: 'info' }, true)).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}hello$/)
    }),
  )

  it.effect('are as the configuration says, whoever listens', () =>
    Effect.gen(function* () {
      expect(JSON.parse(yield* printed({ level: 'info', format: 'json' }, true))).toMatchObject({ message: 'hello' })
      expect(yield* printed({ level: 'info', format: 'pretty' }, false)).toMatch(/ INFO {2}hello$/)
    }),
  )
})
