/**
 * The checks against simulated providers of every kind: what is found, what is advised, and that no key is ever shown.
 */
import { chmodSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from '@effect/vitest'
import { Effect } from 'effect'
import { diagnose } from '#cli/doctor/diagnose.ts'
import type { CheckName, Diagnosis, Finding } from '#cli/doctor/finding.ts'
import { render } from '#cli/doctor/render.ts'
import { layerSqlite } from '#infra/event-log/sqlite.ts'
import { notFound, rateLimited, serverError } from '#infra/simulator/refusals.ts'
import { answer, drop, raw, type StatusStep } from '#infra/simulator/script.ts'
import { configured } from '#test/configured.ts'
import { startBox } from '#test/server.ts'
import { scratchFolder } from '#test/signalbox-process.ts'
import { callBody, postJson, startProviders } from '#test/simulator.ts'
import { CLIENT_KEY, CLIENT_TOKEN, environmentFor, GATEWAY_KEY, type Kind, startGoogle } from '../../e2e/kind.ts'
import { KINDS } from '../../e2e/kinds.ts'

afterEach(() => void vi.unstubAllEnvs())

const CANARY = 'canary-5e1f'

interface Look {
  readonly live?: boolean
  readonly command?: string
  /** Added to the configuration. */
  readonly file?: object
  /** What the configuration sees of it. */
  readonly environment?: Readonly<Record<string, string>>
}

/** What is found at the one provider of a configuration, as it is printed too. */
const look = (providers: { readonly [id: string]: object }, more: Look = {}) =>
  Effect.gen(function* () {
    const config = yield* configured({ providers, ...more.file }, more.environment)
    const shares: number[] = []
    const diagnoses = yield* diagnose({
      config,
      providers: config.providers,
      live: more.live ?? false,
      claude: more.command === undefined ? undefined : { command: more.command, version: '2.1.330' },
      onProgress: (share) => shares.push(share),
    })
    expect(shares.at(-1)).toBe(1)
    const printed = `${render(diagnoses)}\n${JSON.stringify(diagnoses)}`
    expect(printed).not.toContain(CANARY)
    return { diagnoses, printed }
  })

const findingOf = (diagnoses: readonly Diagnosis[], check: CheckName): Finding | undefined =>
  diagnoses[0]?.findings.find((finding) => finding.check === check)

const resultsOf = (diagnoses: readonly Diagnosis[]) =>
  diagnoses.map(({ findings }) => Object.fromEntries(findings.map(({ check, result }) => [check, result])))

const noteWord = answer([{ type: 'tool_use', name: 'note_word', input: { word: 'signal' } }])

/** The doctor at a provider of a kind, whose script has a tool call for each of the two live calls. */
const lookAtKind = (kind: Kind) =>
  Effect.gen(function* () {
    const google = yield* startGoogle
    const { apiKey = '', authToken = '' } = { ...kind.client } as { readonly [name: string]: string }
    const environment = { ...environmentFor(google), ANTHROPIC_API_KEY: apiKey, ANTHROPIC_AUTH_TOKEN: authToken }
    for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
    const { provider, simulator } = yield* kind.start({ id: 'it', google, script: [{ times: 2, step: noteWord }] })
    const { diagnoses, printed } = yield* look({ it: provider }, { live: true, environment })
    for (const secret of [CLIENT_KEY, CLIENT_TOKEN, GATEWAY_KEY]) expect(printed).not.toContain(secret)
    return { diagnoses, simulator }
  })

/** It serves the newest Opus, but an older Haiku, and has no list that says so. */
const { bedrock, ...complete } = KINDS

describe.each(Object.values(complete))('at $name', (kind: Kind) => {
  it.live('everything is well, and --live shows a call of the tool in both ways', () =>
    Effect.gen(function* () {
      const { diagnoses, simulator } = yield* lookAtKind(kind)
      const [results] = resultsOf(diagnoses)
      expect(results).toMatchObject({
        credential: 'ok',
        address: 'ok',
        log: 'ok',
        stream: 'ok',
        whole: 'ok',
        count: 'ok',
      })
      expect(findingOf(diagnoses, 'models')?.result).not.toBe('skipped')
      for (const check of ['stream', 'whole'] as const) {
        const details = findingOf(diagnoses, check)?.details
        expect(details).toMatchObject({ asked: expect.stringMatching(/^claude-/), toolCall: true })
        expect(Number(details?.outputTokens)).toBeGreaterThan(0)
        expect(Number(details?.inputTokens)).toBeGreaterThan(0)
      }
      const counts = simulator.requests.filter(({ path }) => /count[_-]tokens/.test(path)).length
      expect(findingOf(diagnoses, 'count')?.details?.by).toBe(counts === 1 ? 'provider' : 'estimate')
    }),
  )
})

describe(`at ${bedrock.name}`, () => {
  it.live('--live finds the model that it does not have', () =>
    Effect.gen(function* () {
      const { diagnoses } = yield* lookAtKind(bedrock)
      for (const check of ['stream', 'whole'] as const) {
        expect(findingOf(diagnoses, check)).toMatchObject({
          result: 'failed',
          advice: expect.stringContaining('does not have the model anthropic.claude-haiku-5-5'),
        })
      }
    }),
  )
})

describe('a key that is refused', () => {
  it.live('is named by its reference, not by its value, whatever the answer says', () =>
    Effect.gen(function* () {
      vi.stubEnv('DOCTOR_TEST_KEY', CANARY)
      const echo: StatusStep = { _tag: 'Status', status: 401, body: { error: { message: `Incorrect key: ${CANARY}` } } }
      const { it } = yield* startProviders({
        it: {
          script: [
            { when: { path: '/v1/models' }, step: echo },
            { times: 3, step: echo },
          ],
        },
      })
      const credential = { env: 'DOCTOR_TEST_KEY' }
      const { diagnoses } = yield* look({ it: { kind: 'anthropic', baseUrl: it.url, credential } }, { live: true })
      for (const check of ['models', 'stream', 'whole'] as const) {
        expect(findingOf(diagnoses, check)).toMatchObject({
          result: 'failed',
          details: { reason: 'CredentialRefused', status: 401 },
          advice: expect.stringMatching(/DOCTOR_TEST_KEY.*platform\.claude\.com/),
        })
      }
      expect(it.requests.some(({ headers }) => headers.some(([, value]) => value === CANARY))).toBe(true)
    }),
  )

  it.live('at OpenRouter is found although its list of models is public', () =>
    Effect.gen(function* () {
      vi.stubEnv('DOCTOR_TEST_KEY', CANARY)
      const { it } = yield* startProviders({ it: { wire: 'openrouter', apiKeys: ['another'] } })
      const entry = { kind: 'openrouter', baseUrl: `${it.url}/api/v1`, credential: { env: 'DOCTOR_TEST_KEY' } }
      const { diagnoses } = yield* look({ it: entry })
      expect(findingOf(diagnoses, 'models')?.result).toBe('ok')
      expect(findingOf(diagnoses, 'account')).toMatchObject({
        result: 'failed',
        advice: expect.stringContaining('openrouter.ai/settings/keys'),
      })
    }),
  )

  it.live('is told apart from one whose limit is used up', () =>
    Effect.gen(function* () {
      vi.stubEnv('DOCTOR_TEST_KEY', CANARY)
      const { it } = yield* startProviders({ it: { wire: 'openrouter', apiKeys: [CANARY], creditUsd: 0 } })
      const entry = { kind: 'openrouter', baseUrl: `${it.url}/api/v1`, credential: { env: 'DOCTOR_TEST_KEY' } }
      const { diagnoses } = yield* look({ it: entry })
      expect(findingOf(diagnoses, 'account')).toMatchObject({
        result: 'failed',
        found: "0.00 USD are left of the key's limit",
        advice: expect.stringContaining('add credit'),
        details: { leftUsd: 0 },
      })
    }),
  )

  it.live('that is not there is not asked with', () =>
    Effect.gen(function* () {
      const { it } = yield* startProviders({ it: {} })
      const entry = { kind: 'anthropic', baseUrl: it.url, credential: { env: 'DOCTOR_TEST_NO_KEY' } }
      const { diagnoses } = yield* look({ it: entry }, { live: true })
      expect(resultsOf(diagnoses)).toEqual([
        {
          credential: 'failed',
          address: 'ok',
          models: 'skipped',
          log: 'ok',
          stream: 'skipped',
          whole: 'skipped',
          count: 'skipped',
        },
      ])
      expect(it.requests).toHaveLength(0)
    }),
  )
})

describe('an address', () => {
  it.live('where nothing listens is told, while the others are well', () =>
    Effect.gen(function* () {
      const { good, dead } = yield* startProviders({ good: {}, dead: {} })
      yield* dead.close
      const { diagnoses } = yield* look({
        good: { kind: 'anthropic-compatible', baseUrl: good.url },
        dead: { kind: 'openai-compatible', preset: 'ollama', baseUrl: `${dead.url}/v1`, models: { 'claude-*': 'q' } },
      })
      expect(resultsOf(diagnoses)[0]).toMatchObject({ address: 'ok', models: 'ok' })
      expect(diagnoses[1]?.findings.find(({ check }) => check === 'address')).toMatchObject({
        result: 'failed',
        details: { code: 'ECONNREFUSED' },
        advice: expect.stringContaining('ollama serve'),
      })
    }),
  )

  it.live('that does not speak TLS is told apart from one that is not there', () =>
    Effect.gen(function* () {
      const { plain } = yield* startProviders({ plain: {} })
      const entry = { kind: 'anthropic-compatible', baseUrl: plain.url.replace('http:', 'https:') }
      const { diagnoses } = yield* look({ it: entry })
      expect(findingOf(diagnoses, 'address')).toMatchObject({
        result: 'failed',
        advice: expect.stringContaining('check https or http in providers.it.baseUrl'),
      })
    }),
  )

  it.live('behind a proxy is reached through it, and the proxy is named without its password', () =>
    Effect.gen(function* () {
      // A proxy for plain HTTP gets whole URLs; a simulated provider takes them for unknown paths, which is an answer.
      const { proxy } = yield* startProviders({ proxy: {} })
      const entry = {
        kind: 'anthropic-compatible',
        baseUrl: 'http://not-there.invalid',
        proxy: `http://user:${CANARY}@127.0.0.1:${proxy.port}`,
      }
      const { diagnoses } = yield* look({ it: entry })
      const address = findingOf(diagnoses, 'address')
      expect(`${address?.found} ${address?.advice ?? ''}`).toContain(`127.0.0.1:${proxy.port} (providers.it.proxy)`)
    }),
  )

  it.live('that leads into a private network, without leave, fails with how to give it', () =>
    Effect.gen(function* () {
      const entry = { kind: 'anthropic-compatible', baseUrl: 'http://localhost:9', allowPrivate: false }
      const { diagnoses } = yield* look({ it: entry })
      expect(findingOf(diagnoses, 'address')).toMatchObject({
        result: 'failed',
        found: 'http://localhost:9: transport (ADDRESS_REFUSED)',
        advice: expect.stringContaining('set providers.it.allowPrivate to true'),
      })
    }),
  )

  it.live('with a certificate authority that cannot be read fails by name of the block', () =>
    Effect.gen(function* () {
      const entry = { kind: 'anthropic-compatible', baseUrl: 'https://127.0.0.1:9', tls: { ca: 'nowhere.pem' } }
      const { diagnoses } = yield* look({ it: entry })
      expect(findingOf(diagnoses, 'address')).toMatchObject({
        result: 'failed',
        found: 'a file of providers.it.tls cannot be used (ENOENT)',
      })
    }),
  )
})

describe('models', () => {
  it.live('that are not in the list are told with the nearest name', () =>
    Effect.gen(function* () {
      const { it } = yield* startProviders({ it: { wire: 'openai', models: ['gpt-6-luna', 'gpt-6-astra'] } })
      const models = { 'claude-*': 'gpt-6-astra', 'claude-haiku-*': 'gpt-6-lunar' }
      const entry = { kind: 'openai-compatible', baseUrl: `${it.url}/v1`, models }
      const { diagnoses } = yield* look({ it: entry })
      expect(findingOf(diagnoses, 'models')).toMatchObject({
        result: 'warning',
        found: 'not in its list: haiku → gpt-6-lunar',
        advice: 'Map claude-haiku-5-5 in providers.it.models to names that it has; nearest gpt-6-luna.',
      })
    }),
  )

  it.live('of which none is listed are a failure', () =>
    Effect.gen(function* () {
      const { it } = yield* startProviders({ it: { wire: 'openai', models: ['whisper'] } })
      const entry = { kind: 'openai-compatible', baseUrl: `${it.url}/v1`, models: { 'claude-*': 'gpt-6-astra' } }
      const { diagnoses } = yield* look({ it: entry })
      expect(findingOf(diagnoses, 'models')).toMatchObject({
        result: 'failed',
        advice: expect.stringContaining('it lists whisper'),
      })
    }),
  )

  it.live('of a service that is gone for good are a failure, whatever its words say', () =>
    Effect.gen(function* () {
      vi.stubEnv('DOCTOR_TEST_KEY', CANARY)
      const { it } = yield* startProviders({ it: { wire: 'github-models', retired: true } })
      const entry = { kind: 'github-models', baseUrl: it.url, credential: { env: 'DOCTOR_TEST_KEY' } }
      const { diagnoses } = yield* look({ it: entry }, { live: true })
      for (const check of ['models', 'stream', 'whole'] as const) {
        expect(findingOf(diagnoses, check)).toMatchObject({
          result: 'failed',
          details: { reason: 'Retired', status: 410 },
          advice: expect.stringContaining('gone for good'),
        })
      }
    }),
  )
})

describe('--live', () => {
  it.live('finds a model that is not there', () =>
    Effect.gen(function* () {
      const { it } = yield* startProviders({
        it: { script: [{ when: { path: '/v1/models' }, step: notFound('/v1/models') }], models: ['other'] },
      })
      const entry = { kind: 'anthropic-compatible', baseUrl: it.url }
      const { diagnoses } = yield* look({ it: entry }, { live: true })
      expect(findingOf(diagnoses, 'models')).toMatchObject({ result: 'ok', found: expect.stringContaining('no list') })
      expect(findingOf(diagnoses, 'stream')).toMatchObject({
        result: 'failed',
        advice: expect.stringContaining('It does not have the model claude-haiku-5-5'),
      })
    }),
  )

  it.live('warns of an answer without a tool call, and of limits that are reached', () =>
    Effect.gen(function* () {
      const { it } = yield* startProviders({ it: { script: [answer('I would rather not.'), rateLimited()] } })
      const { diagnoses } = yield* look({ it: { kind: 'anthropic-compatible', baseUrl: it.url } }, { live: true })
      expect(findingOf(diagnoses, 'stream')).toMatchObject({ result: 'warning', details: { toolCall: false } })
      expect(findingOf(diagnoses, 'whole')).toMatchObject({ result: 'warning', details: { reason: 'RateLimited' } })
    }),
  )

  it.live('finds a stream that breaks off, and one without an end', () =>
    Effect.gen(function* () {
      const start = 'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1"}}\n\n'
      const { lost, cut } = yield* startProviders({
        lost: { script: [drop({ events: 3 })] },
        cut: { script: [raw(start)] },
      })
      const { diagnoses } = yield* look(
        {
          lost: { kind: 'anthropic-compatible', baseUrl: lost.url },
          cut: { kind: 'anthropic-compatible', baseUrl: cut.url },
        },
        { live: true },
      )
      const streams = diagnoses.map(({ findings }) => findings.find(({ check }) => check === 'stream'))
      expect(streams[0]).toMatchObject({ result: 'failed', details: { reason: 'Transport' } })
      expect(streams[1]).toMatchObject({ result: 'failed', found: 'it ends without message_stop' })
    }),
  )
})

describe('the log', () => {
  it.live('tells what was refused while it is in force; --live goes without it, and records nothing', () =>
    Effect.gen(function* () {
      const { it } = yield* startProviders({ it: { betas: [], script: [{ times: 9, step: noteWord }] } })
      const providers = { it: { kind: 'anthropic-compatible', baseUrl: it.url } }
      const folder = yield* scratchFolder
      const path = join(folder, 'log.db')
      const file = { database: { url: `sqlite:${path}` } }
      yield* Effect.scoped(
        Effect.gen(function* () {
          const box = yield* startBox({ config: yield* configured({ providers }), log: layerSqlite({ path }) })
          yield* postJson(`${box.url}/v1/messages`, callBody(), { 'anthropic-beta': 'some-beta-2026-01-01' })
          yield* box.until(({ event }) => event._tag === 'CapabilityLearned')
          yield* box.until(({ event }) => event._tag === 'AttemptSucceeded')
        }),
      )
      const { diagnoses: before } = yield* look(providers, { file })
      expect(findingOf(before, 'log')).toMatchObject({
        result: 'ok',
        found: expect.stringMatching(/^healthy; goes without beta:some-beta-2026-01-01 for claude-opus-5-5 until 20/),
        details: { circuit: 'healthy', refused: [{ feature: 'beta:some-beta-2026-01-01', model: 'claude-opus-5-5' }] },
      })
      const { diagnoses: after } = yield* look(providers, { file, live: true })
      expect(findingOf(after, 'stream')?.result).toBe('ok')
      expect(findingOf(after, 'log')).toEqual(findingOf(before, 'log'))
    }),
  )

  it.live('of another address says nothing of this one, and one that is no log is a warning', () =>
    Effect.gen(function* () {
      const { it, other } = yield* startProviders({ it: {}, other: {} })
      const folder = yield* scratchFolder
      const path = join(folder, 'log.db')
      const at = (url: string) => ({ it: { kind: 'anthropic-compatible', baseUrl: url } })
      yield* Effect.scoped(
        startBox({ config: yield* configured({ providers: at(other.url) }), log: layerSqlite({ path }) }),
      )
      const { diagnoses } = yield* look(at(it.url), { file: { database: { url: `sqlite:${path}` } } })
      expect(findingOf(diagnoses, 'log')).toMatchObject({
        result: 'ok',
        found: expect.stringContaining('another address'),
      })

      const noLog = join(folder, 'no-log.db')
      writeFileSync(noLog, 'no database at all '.repeat(500))
      const { diagnoses: spoilt } = yield* look(at(it.url), { file: { database: { url: `sqlite:${noLog}` } } })
      expect(findingOf(spoilt, 'log')).toMatchObject({ result: 'warning', advice: expect.stringContaining('verify') })
    }),
  )
})

const FAKE = fileURLToPath(new URL('../../fixtures/claude-code/fake-claude.mjs', import.meta.url))

/** A `claude` in a folder of its own. */
const fakeClaude = Effect.map(scratchFolder, (folder) => {
  const command = join(folder, 'claude')
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${FAKE}" "$@"\n`)
  chmodSync(command, 0o755)
  return command
})

const write = answer([{ type: 'tool_use', name: 'Write', input: { file_path: 'proof.txt', content: '{word}\n' } }])
const read = answer([{ type: 'tool_use', name: 'Read', input: { file_path: 'proof.txt' } }])
const task = [write, read, answer('{word}')]

describe('--claude-code', () => {
  it.live('has the task done through each provider, and leaves nothing behind', () =>
    Effect.gen(function* () {
      const temporary = yield* scratchFolder
      vi.stubEnv('TMPDIR', temporary)
      const command = yield* fakeClaude
      const { one, two } = yield* startProviders({
        one: { script: task },
        two: { wire: 'openai', models: ['gpt-6-astra'], script: task },
      })
      const { diagnoses, printed } = yield* look(
        {
          one: { kind: 'anthropic-compatible', baseUrl: one.url },
          two: {
            kind: 'openai-compatible',
            preset: 'openai',
            baseUrl: `${two.url}/v1`,
            credential: 'none',
            models: { 'claude-*': 'gpt-6-astra' },
          },
        },
        { command },
      )
      for (const { findings } of diagnoses) {
        expect(findings.at(-1)).toMatchObject({
          check: 'claude-code',
          result: 'ok',
          details: { finished: true, fileRight: true, answerRight: true, retries: 0, toolCalls: 2, failedAttempts: 0 },
        })
      }
      expect(printed).toMatch(/two +gpt-6-astra +yes +right +right +0 +2 /)
      expect(readdirSync(temporary).filter((name) => name.startsWith('signalbox-doctor-'))).toEqual([])
    }),
  )

  it.live('shows retries as a warning, a task that is not done as a failure with its reason', () =>
    Effect.gen(function* () {
      const command = yield* fakeClaude
      const broke: StatusStep = {
        _tag: 'Status',
        status: 402,
        body: { type: 'error', error: { type: 'billing_error', message: CANARY } },
      }
      const { shaky, broken, lazy } = yield* startProviders({
        shaky: { script: [write, serverError(), read, answer('{word}')] },
        broken: { script: [{ times: 9, step: broke }] },
        lazy: { script: [answer('Done, I promise.')] },
      })
      const entry = (url: string) => ({ kind: 'anthropic-compatible', baseUrl: url })
      const { diagnoses } = yield* look(
        { shaky: entry(shaky.url), broken: entry(broken.url), lazy: entry(lazy.url) },
        { command },
      )
      const tasks = diagnoses.map(({ findings }) => findings.at(-1))
      expect(tasks[1]).toMatchObject({ result: 'failed', advice: expect.stringContaining('add credit') })
      expect(tasks[2]).toMatchObject({ result: 'failed', advice: expect.stringContaining('stronger one') })
      expect(tasks[0]).toMatchObject({
        result: 'warning',
        details: { finished: true, fileRight: true, failedAttempts: 1, retries: 1 },
      })
    }),
  )

  it.live('is skipped where something before it failed', () =>
    Effect.gen(function* () {
      const { dead } = yield* startProviders({ dead: {} })
      yield* dead.close
      const { diagnoses } = yield* look(
        { dead: { kind: 'anthropic-compatible', baseUrl: dead.url } },
        { command: 'never' },
      )
      expect(findingOf(diagnoses, 'claude-code')?.result).toBe('skipped')
    }),
  )
})
