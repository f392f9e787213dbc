/**
 * One conversation on every wire that the simulator speaks: how to start such a provider, and how the smallest model call
 * to it looks.
 */
import type { WireName } from '#infra/simulator/engine-options.ts'
import type { Simulator } from '#infra/simulator/simulator.ts'
import { postJson } from '#test/simulator.ts'

/** Two kinds of call where a provider has two. */
export type CallKind = 'anthropic' | 'openai' | 'github-models' | 'openrouter' | 'openrouter-chat' | 'vertex' | 'gemini'

/** What a conversation needs to be told on each wire. */
export interface Conversation {
  readonly stream?: boolean
  /** Alternating texts, the user's first; default one. */
  readonly texts?: readonly string[]
  /** Offers one tool; default true. */
  readonly tools?: boolean
}

interface WireCall {
  readonly wire: WireName
  readonly path: (stream: boolean) => string
  readonly headers: Readonly<Record<string, string>>
  readonly body: (conversation: Required<Conversation>) => object
}

const bearer = { authorization: 'Bearer any' }
const messagesOf = (texts: readonly string[]) =>
  texts.map((content, index) => ({ role: index % 2 === 0 ? 'user' : 'assistant', content }))

const messages =
  (more: object) =>
  ({ stream, texts, tools }: Required<Conversation>) => ({
    max_tokens: 200,
    messages: messagesOf(texts),
    ...(tools ? { tools: [{ name: 'Bash', input_schema: { type: 'object' } }] } : {}),
    stream,
    ...more,
  })
const chat =
  (model: string) =>
  ({ stream, texts, tools }: Required<Conversation>) => ({
    model,
    messages: messagesOf(texts),
    ...(tools
      ? { tools: [{ type: 'function', function: { name: 'Bash', parameters: { type: 'object', properties: {} } } }] }
      : {}),
    stream,
  })

const VERTEX = '/v1/projects/p/locations/global'

export const wireCalls: { readonly [K in CallKind]: WireCall } = {
  anthropic: {
    wire: 'anthropic',
    path: () => '/v1/messages',
    headers: {},
    body: messages({ model: 'claude-opus-5-5' }),
  },
  openai: { wire: 'openai', path: () => '/v1/chat/completions', headers: bearer, body: chat('gpt-6-luna') },
  'github-models': {
    wire: 'github-models',
    path: () => '/inference/chat/completions',
    headers: { ...bearer, accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' },
    body: chat('openai/gpt-4.1'),
  },
  openrouter: {
    wire: 'openrouter',
    path: () => '/api/v1/messages',
    headers: bearer,
    body: messages({ model: 'anthropic/claude-opus-5.5' }),
  },
  'openrouter-chat': {
    wire: 'openrouter',
    path: () => '/api/v1/chat/completions',
    headers: bearer,
    body: chat('anthropic/claude-opus-5.5'),
  },
  vertex: {
    wire: 'vertex',
    path: (stream) =>
      `${VERTEX}/publishers/anthropic/models/claude-opus-5-5:${stream ? 'streamRawPredict' : 'rawPredict'}`,
    headers: bearer,
    body: messages({ anthropic_version: 'vertex-2023-10-16' }),
  },
  gemini: {
    wire: 'vertex',
    path: () => `${VERTEX}/endpoints/openapi/chat/completions`,
    headers: bearer,
    body: chat('google/gemini-4-argon'),
  },
}

export const callKinds = Object.keys(wireCalls) as readonly CallKind[]

/** One model call; the provider must have been started with `wire: wireCalls[kind].wire`. */
export const callOn = (simulator: Simulator, kind: CallKind, conversation: Conversation = {}) => {
  const { path, headers, body } = wireCalls[kind]
  const { stream = false, texts = ['hi'], tools = true } = conversation
  return postJson(simulator.url + path(stream), body({ stream, texts, tools }), headers)
}
