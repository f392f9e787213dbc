/**
 * Providers for the canary test: good ones whose answers are secrets, and bad ones that repeat what they should not.
 */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Effect } from 'effect'
import { startGoogleTokens } from '#infra/simulator/google-tokens.ts'
import { answer, drop, errorEvent, raw, type Script, type StatusStep, stall } from '#infra/simulator/script.ts'
import type { Canaries } from '#test/canaries.ts'
import { startProviders } from '#test/simulator.ts'

/** Each has the model of its name and no other, so that a request says by its model whom it is for. */
export const WORKING = ['byVariable', 'byFile', 'byCommand', 'byClient', 'byGoogle', 'chat'] as const
export const FAILING = [
  'echoing',
  'refusing',
  'breaking',
  'serviceAccount',
  'unreachable',
  'proxied',
  'silent',
] as const

/** Statuses of which each means something else; after the last one the provider is left alone. */
const ECHOED = [400, 404, 413, 422, 500, 503, 529, 429]

/** What a box of any length of life is started with. */
export const startCast = (canaries: Canaries, folder: string) =>
  Effect.gen(function* () {
    const { secret, content, pasted } = canaries
    const keys = {
      byVariable: secret('key in a variable'),
      byFile: secret('key in a file'),
      byCommand: secret('key of a command'),
      chat: secret('key of a chat provider'),
      echoing: secret('key of a provider that repeats it'),
    }
    const headers = { 'x-org-token': secret('token in a header'), 'x-team': secret('header of an innocent name') }
    const url = { proxy: secret('password of a proxy'), argument: secret('argument of a command') }
    const text = `The answer is ${content('answer')}, and the key ${pasted('key in an answer')}.`
    const blocks = [
      { type: 'thinking', thinking: content('thinking') },
      { type: 'text', text },
      { type: 'tool_use', id: 'toolu_01', name: 'Write', input: { path: content('input of a tool') } },
    ] as const
    const good: Script = [{ times: Number.POSITIVE_INFINITY, step: answer(blocks) }]
    // A message like those of real services, and another header.
    const echo =
      (key: string) =>
      (status: number): StatusStep => ({
        _tag: 'Status',
        status,
        headers: { 'x-debug': `key=${key}` },
        body: { type: 'error', error: { type: 'api_error', message: `Incorrect API key provided: ${key}` } },
      })
    const google = yield* Effect.orDie(startGoogleTokens())
    const { plain, chat, vertex, echoing, refusing, breaking, silent } = yield* startProviders({
      plain: { script: good },
      chat: {
        wire: 'openai',
        script: [
          { times: 4, step: answer([{ type: 'text', text }]) },
          { times: Number.POSITIVE_INFINITY, step: echo(keys.chat)(400) },
        ],
      },
      vertex: { wire: 'vertex', accessTokens: google, script: good },
      echoing: { script: ECHOED.map(echo(keys.echoing)) },
      refusing: { script: [401].map(echo(keys.echoing)) },
      breaking: {
        script: [
          errorEvent(5, 'overloaded_error', `overloaded while it wrote ${content('error in a stream')}`),
          drop({ events: 5 }),
          drop('beforeHeaders', 'fin'),
          drop({ events: 5 }, 'cleanEnd'),
          raw(`event: message_start\ndata: {"${content('no JSON')}\n\n`),
          raw(content('no stream at all'), { headers: [['content-type', 'text/html']] }),
        ],
      },
      // Once for the box, once for the doctor, who waits long; then it is gone.
      silent: {
        script: [
          { times: 2, step: stall('beforeHeaders') },
          { times: Number.POSITIVE_INFINITY, step: drop('beforeHeaders') },
        ],
      },
    })

    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    canaries.add('key of a service account', pem.split('\n')[5] ?? pem)
    const account = {
      type: 'service_account',
      project_id: 'my-project',
      private_key_id: secret('id of a key'),
      private_key: pem,
      client_email: 'box@my-project.iam.gserviceaccount.com',
      token_uri: 'https://oauth2.googleapis.com/token',
    }
    writeFileSync(join(folder, 'account.json'), JSON.stringify(account), { mode: 0o600 })
    writeFileSync(join(folder, 'provider.key'), `${keys.byFile}\n`, { mode: 0o600 })

    // Nothing opens: what comes next is to fail too.
    const breaker = { consecutiveFailures: 1e6, consecutiveConnectFailures: 1e6, minimumOutcomes: 1e6, throttleMax: 0 }
    const claude = { breaker, models: { '*': 'claude-opus-5-5' } }
    const entry = (baseUrl: string, more: object) => ({ kind: 'anthropic-compatible', baseUrl, ...claude, ...more })
    const nowhere = 'http://127.0.0.1:1'
    const providers = {
      byVariable: entry(plain.url, { credential: { env: 'PROVIDER_KEY', header: 'x-api-key' }, headers }),
      byFile: entry(plain.url, { credential: { file: join(folder, 'provider.key'), header: 'bearer' } }),
      byCommand: entry(plain.url, {
        credential: { command: [process.execPath, '-p', `'${keys.byCommand}'||'${url.argument}'`], header: 'bearer' },
      }),
      byClient: entry(plain.url, { credential: 'client' }),
      byGoogle: { kind: 'vertex', project: 'my-project', baseUrl: `${vertex.url}/v1`, ...claude },
      chat: {
        ...{ kind: 'openai-compatible', baseUrl: `${chat.url}/v1`, breaker },
        ...{ credential: { env: 'CHAT_KEY' }, models: { chat: 'gpt-6-luna' } },
        ...{ prices: { '*': { input: 1, output: 2 } }, quirks: { maxTokensField: 'max_completion_tokens' } },
      },
      echoing: entry(echoing.url, { credential: { env: 'ECHOED_KEY', header: 'x-api-key' } }),
      refusing: entry(refusing.url, { credential: { env: 'ECHOED_KEY', header: 'bearer' } }),
      breaking: entry(breaking.url, { credential: 'none' }),
      serviceAccount: {
        ...{ kind: 'vertex', project: 'my-project', baseUrl: `${vertex.url}/v1`, ...claude },
        credential: { adc: join(folder, 'account.json') },
      },
      unreachable: entry(nowhere, { credential: { env: 'PROVIDER_KEY', header: 'x-api-key' }, headers }),
      proxied: entry(plain.url, { credential: { env: 'PROVIDER_KEY' }, proxy: `http://user:${url.proxy}@127.0.0.1:1` }),
      silent: entry(silent.url, { credential: 'none', timeouts: { headers: '300 ms' } }),
    }
    return {
      providers,
      environment: {
        PROVIDER_KEY: keys.byVariable,
        CHAT_KEY: keys.chat,
        ECHOED_KEY: keys.echoing,
        GCE_METADATA_HOST: `127.0.0.1:${google.port}`,
        // Nobody must be asked beyond this machine.
        HTTPS_PROXY: `http://user:${secret('password of the proxy of the environment')}@127.0.0.1:1`,
        NO_PROXY: '127.0.0.1,localhost',
      },
      google,
      /** Files that the box reads. */
      inputs: ['account.json', 'provider.key'],
      simulators: { plain, chat, vertex, echoing, refusing, breaking, silent },
    }
  })

export type Cast = Effect.Success<ReturnType<typeof startCast>>
