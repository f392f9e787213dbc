/** Who gets which form of the lines, and when: a terminal, a pipe, and whoever asks for another. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, assert, beforeEach, describe, expect, it } from '@effect/vitest'
import { Console, Effect, Exit, Scope } from 'effect'
import fc from 'fast-check'
import { vi } from 'vitest'
import { loggerLayer, startLogging } from '#cli/logger.ts'
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

/** Everything that was said to standard error so far: one text a write. */
const writes = () => {
  const texts: string[] = []
  const listening = { ...console, error: (text: string) => void texts.push(text) }
  return { texts, listening }
}
const messagesIn = (texts: readonly string[]): readonly string[] =>
  texts.flatMap((text) => text.split('\n').map((line) => JSON.parse(line).message))

/** The logging of a process that stays; what it says is said by `say`, its end by `end`. */
const lasting = (isTerminal: boolean, log: Config['log'] = { level: 'info', format: 'json' }) => {
  process.stderr.isTTY = isTerminal
  const { texts, listening } = writes()
  const scope = Effect.runSync(Scope.make())
  const { layer } = Effect.runSync(
    startLogging(log).pipe(Scope.provide(scope), Effect.provideService(Console.Console, listening)),
  )
  return {
    texts,
    say: (what: Effect.Effect<void>) =>
      Effect.runSync(what.pipe(Effect.provide(layer), Effect.provideService(Console.Console, listening))),
    end: () => Effect.runSync(Scope.close(scope, Exit.void)),
  }
}

describe('the JSON lines of a process that stays', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('are written together, 50 ms after the first', () => {
    const { texts, say, end } = lasting(false)
    say(Effect.logInfo('one'))
    vi.advanceTimersByTime(30)
    say(Effect.andThen(Effect.logWarning('two'), Effect.logInfo('three')))
    vi.advanceTimersByTime(19)
    expect(texts).toEqual([])
    vi.advanceTimersByTime(1)
    expect(texts).toHaveLength(1)
    expect(messagesIn(texts)).toEqual(['one', 'two', 'three'])
    vi.advanceTimersByTime(1_000)
    expect(texts).toHaveLength(1)
    end()
  })

  it('are written at once when something is broken, with what was said before', () => {
    const { texts, say, end } = lasting(false)
    say(Effect.logInfo('fine'))
    expect(texts).toEqual([])
    say(Effect.logError('broken'))
    expect(messagesIn(texts)).toEqual(['fine', 'broken'])
    say(Effect.logFatal('lost'))
    expect(messagesIn(texts)).toEqual(['fine', 'broken', 'lost'])
    end()
  })

  it('never wait in a heap of more than 64 kB', () => {
    const { texts, say, end } = lasting(false)
    for (let n = 0; n < 64; n++) say(Effect.logInfo('x'.repeat(1_000)))
    expect(texts).toHaveLength(1)
    expect(texts[0]?.length).toBeGreaterThan(64 * 1_024 - 2_000)
    end()
  })

  it('are all there, once and in their order, when logging ends, whatever was said and when', () => {
    const step = fc.oneof(
      fc.record({ level: fc.constantFrom('Info', 'Warn', 'Error', 'Fatal' as const), units: fc.nat(20_000) }),
      fc.nat(120),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { texts, say, end } = lasting(false)
        const said = steps.flatMap((one, n) => {
          if (typeof one === 'number') {
            vi.advanceTimersByTime(one)
            return []
          }
          const message = `${n} ${'x'.repeat(one.units)}`
          say(Effect.logWithLevel(one.level)(message))
          return [message]
        })
        end()
        expect(messagesIn(texts)).toEqual(said)
      }),
    )
  })

  it('are written at once after logging has ended', () => {
    const { texts, say, end } = lasting(false)
    end()
    say(Effect.logInfo('late'))
    expect(messagesIn(texts)).toEqual(['late'])
  })

  it('are seen at once on a terminal', () => {
    const { texts, say, end } = lasting(true)
    say(Effect.logInfo('now'))
    expect(messagesIn(texts)).toEqual(['now'])
    end()
  })

  it('for people are seen at once everywhere', () => {
    const { texts, say, end } = lasting(false, { level: 'info', format: 'pretty' })
    say(Effect.logInfo('now'))
    expect(texts).toEqual([expect.stringMatching(/now$/)])
    end()
  })
})

const SPEAKER = fileURLToPath(new URL('./speaking-process.ts', import.meta.url))

/** Runs a process that says 200 lines and comes to its end in a way. */
const spoken = (ending: string) =>
  Effect.callback<{ readonly code: number | null; readonly messages: readonly string[]; readonly rest: string }>(
    (resume) => {
      const child = spawn(process.execPath, [SPEAKER, ending], { stdio: ['ignore', 'ignore', 'pipe'] })
      let text = ''
      child.stderr.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      child.on('close', (code) => {
        const lines = text.split('\n').filter((line) => line !== '')
        const isLine = (line: string) => line.startsWith('{"@timestamp"')
        resume(
          Effect.succeed({
            code,
            messages: lines.filter(isLine).map((line) => JSON.parse(line).message),
            rest: lines.filter((line) => !isLine(line)).join('\n'),
          }),
        )
      })
      return Effect.sync(() => child.kill('SIGKILL'))
    },
  )
const SAID = Array.from({ length: 200 }, (_, n) => `line ${n}`)

describe('no line is lost', () => {
  it.live.each([
    ['returns', 0],
    ['exits', 3],
    ['throws', 1],
    ['rejects', 1],
    ['isStopped', 143],
    ['isKilledByItself', null],
  ] as const)('when a process %s', ([ending, code]) =>
    Effect.gen(function* () {
      const ended = yield* spoken(ending)
      assert.deepStrictEqual(ended.messages, ending === 'isKilledByItself' ? [...SAID, 'broken'] : SAID)
      assert.strictEqual(ended.code, code)
      if (ending === 'throws' || ending === 'rejects') assert.include(ended.rest, 'thrown by speaking-process')
    }),
  )
})
