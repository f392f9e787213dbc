/**
 * Everything that a box can be asked, by clients, operators and strangers, with a secret wherever one fits. What comes back is kept.
 */
import { get } from 'node:http'
import { Effect } from 'effect'
import type { HeaderList } from '#actors/ports.ts'
import type { Artefact } from '#test/artefacts.ts'
import type { Canaries } from '#test/canaries.ts'
import { callBody } from '#test/simulator.ts'
import { type Answer, type Call, header, send, start } from '../e2e/http-client.ts'
import { FAILING, WORKING } from './canary-providers.ts'

/** How often each failing provider is asked: as often as its script has something new. */
const FAILURES: Readonly<Record<(typeof FAILING)[number], number>> = {
  ...{ echoing: 8, refusing: 1, breaking: 6, serviceAccount: 1, unreachable: 1, proxied: 1, silent: 1 },
}

export interface Box {
  readonly port: number
}

export interface Tokens {
  readonly admin: string
  readonly read: string
  /** Of a client. */
  readonly key: string
}

/** Whom it is for: a client sees prompts and answers as they are, captures hold them without credentials. Default: anybody. */
export interface Kept extends Artefact {
  readonly audience?: 'anybody' | 'client' | 'captures'
}

export interface Played {
  readonly kept: readonly Kept[]
  /** Requests that the log knows, by what they were for. */
  readonly requests: ReadonlyMap<string, string>
  readonly statuses: ReadonlyMap<string, number>
}

const whole = ({ status, headers, body }: Answer): Uint8Array =>
  Buffer.from(`${status}\n${headers.map((pair) => pair.join(': ')).join('\n')}\n\n${body.toString()}`)

/** One client's secrets in every header that may hold one, and in the URL. */
const clientHeaders = ({ secret }: Canaries): HeaderList => [
  ['content-type', 'application/json'],
  ['authorization', `Bearer ${secret('token of a client')}`],
  ['x-api-key', `sk-ant-api03-${secret('key of a client')}`],
  ['proxy-authorization', `Basic ${Buffer.from(`user:${secret('password of a client')}`).toString('base64')}`],
  ['cookie', `session=${secret('cookie of a client')}`],
  ['x-custom', secret('header of a client')],
  ['x-claude-code-session-id', 'the-session'],
  ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
]

const promptOf = ({ content, pasted }: Canaries, model: string, stream: boolean) =>
  callBody({
    model,
    stream,
    system: content('system prompt'),
    metadata: { user_id: content('id of a user') },
    tools: [{ name: 'Write', description: content('description of a tool'), input_schema: { type: 'object' } }],
    messages: [
      {
        role: 'user',
        content: `Deploy ${content('prompt')} with ${pasted('key in a prompt')} and a header Authorization: Bearer ${pasted('token in a prompt')}`,
      },
    ],
  })

/** Model calls and counts: each working provider, streamed and not, and every failure of the others. */
export const playClients = (box: Box, canaries: Canaries, { key }: Tokens): Effect.Effect<Played> =>
  Effect.gen(function* () {
    const kept: Kept[] = []
    const requests = new Map<string, string>()
    const statuses = new Map<string, number>()
    const call = (name: string, asked: Call) =>
      Effect.map(send(box.port, { headers: clientHeaders(canaries), ...asked }), (answer) => {
        kept.push({ name: `the answer to ${name}`, bytes: whole(answer), audience: 'client' })
        requests.set(name, header(answer, 'x-signalbox-request-id') ?? '')
        statuses.set(name, answer.status)
      })
    for (const model of WORKING) {
      for (const stream of [false, true])
        yield* call(`${model}, ${stream ? 'streamed' : 'whole'}`, {
          body: promptOf(canaries, model, stream),
          path: `/v1/messages?beta=true&key=${canaries.secret('key in a URL')}`,
        })
      yield* call(`${model}, counted`, { path: '/v1/messages/count_tokens', body: promptOf(canaries, model, false) })
    }
    for (const model of FAILING)
      for (let n = 1; n <= FAILURES[model]; n++) yield* call(`${model} ${n}`, { body: promptOf(canaries, model, true) })
    for (let n = 0; n < 3; n++) yield* call(`chat, failing ${n}`, { body: promptOf(canaries, 'chat', true) })

    const body = promptOf(canaries, 'byVariable', true)
    const left = start(box.port, { headers: clientHeaders(canaries), body })
    yield* Effect.callback<void>((resume) => {
      left.on('error', () => resume(Effect.void))
      left.on('response', () => {
        left.destroy()
        resume(Effect.void)
      })
    })
    const named = [...clientHeaders(canaries), ['x-signalbox-key', key] as const]
    yield* call('a client with a key', { headers: named, body })
    const wrong = [...clientHeaders(canaries), ['x-signalbox-key', `sbx_${canaries.secret('wrong key')}`] as const]
    yield* call('a client with a wrong key', { headers: wrong, body })
    yield* call('a body that is no JSON', { body: `{"model": "${canaries.secret('half a body')}` })
    yield* call('a body of another type', {
      body: canaries.secret('another type'),
      headers: [['content-type', 'text/plain']],
    })
    yield* call('a path that there is not', {
      path: `/v1/${canaries.secret('path')}?token=${canaries.secret('query')}`,
    })
    yield* call('a list of models', { method: 'GET', path: '/v1/models' })
    return { kept, requests, statuses }
  })

/** A value for each parameter of the admin API's paths. A new one is asked for here, so that no path is forgotten. */
const parameters = ({ requests }: Played): Readonly<Record<string, string>> => ({
  '/admin/providers/{id}': 'byVariable',
  '/admin/requests/{id}': requests.get('echoing 1') ?? '',
  '/admin/requests/{id}/capture': requests.get('byVariable, streamed') ?? '',
  '/admin/sessions/{id}': 'the-session',
})

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** Every GET of the admin API, its changes, the pages, and what strangers try. */
export const playOperators = (box: Box, canaries: Canaries, tokens: Tokens, played: Played): Effect.Effect<Played> =>
  Effect.gen(function* () {
    const kept: Kept[] = []
    const statuses = new Map<string, number>()
    const ask = (name: string, path: string, token: string, more: Call = {}, audience: Kept['audience'] = 'anybody') =>
      Effect.map(
        send(box.port, {
          method: 'GET',
          path,
          ...more,
          headers: [['authorization', `Bearer ${token}`], ...(more.headers ?? [])],
        }),
        (answer) => {
          kept.push({ name, bytes: whole(answer), audience })
          statuses.set(name, answer.status)
          return answer
        },
      )
    const described = yield* ask('the OpenAPI document', '/admin/openapi.json', tokens.read)
    const { paths } = JSON.parse(described.body.toString()) as OpenApi
    const known = parameters(played)
    for (const [path, methods] of Object.entries(paths)) {
      if (!('get' in methods) || path === '/admin/events/live') continue
      const concrete = path.includes('{') ? path.replace(/\{\w+\}/, known[path] ?? '') : path
      const audience = path.endsWith('/capture') ? 'captures' : 'anybody'
      yield* ask(`GET ${path}`, concrete, tokens.admin, {}, audience)
      yield* ask(`GET ${path} with the read token`, concrete, tokens.read)
    }
    const at = new Date().toISOString()
    yield* ask('GET a past state', `/admin/state?at=${at}`, tokens.read)

    const json = (method: string, body: object): Call => ({
      method,
      body,
      headers: [['content-type', 'application/json']],
    })
    yield* ask('a dry run', '/admin/route', tokens.admin, json('POST', promptOf(canaries, 'byVariable', false)))
    yield* ask('a change', '/admin/routing', tokens.admin, json('PUT', { strategy: canaries.secret('a strategy') }))
    yield* ask('a budget', `/admin/budgets/b`, tokens.admin, json('PUT', { usd: canaries.secret('a budget') }))
    yield* ask('a reset', '/admin/providers/echoing/reset', tokens.admin, json('POST', {}))
    yield* ask('a wrong token', '/admin/state', canaries.secret('wrong token'))
    yield* ask('a token in the URL', `/admin/state?token=${canaries.secret('token in a URL')}`, '')
    yield* ask('a change with the read token', '/admin/routing', tokens.read, json('PUT', { strategy: 'cost' }))

    for (const path of ['/metrics', '/health', '/readyz', '/livez', '/v1/models', '/api/hello'])
      yield* ask(`GET ${path}`, path, tokens.read)
    const page = yield* ask('the page', '/', tokens.read, { headers: [['accept', 'text/html']] })
    for (const [, asset = ''] of page.body.toString().matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g))
      yield* ask(`GET ${asset}`, asset, tokens.read)
    return { kept, requests: new Map(), statuses }
  })

/** What an open dashboard hears, until the returned effect is run. */
export const listenLive = (box: Box, { read }: Tokens): Effect.Effect<Effect.Effect<Kept>> =>
  Effect.callback((resume) => {
    const pieces: Buffer[] = []
    const headers = { authorization: `Bearer ${read}` }
    const request = get({ host: '127.0.0.1', port: box.port, path: '/admin/events/live', headers }, (response) => {
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', () => undefined)
      resume(
        Effect.succeed(
          Effect.sync(() => {
            request.destroy()
            return { name: 'the live events', bytes: Buffer.concat(pieces) }
          }),
        ),
      )
    })
    request.on('error', () => undefined)
  })
