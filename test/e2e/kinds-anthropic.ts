/**
 * The kinds that speak the Anthropic format, as strict as Claude is known to be, and one vendor that is not Claude.
 */
import type { Block } from '#infra/simulator/content.ts'
import type { Script } from '#infra/simulator/script.ts'
import type { Story } from '#infra/simulator/story.ts'
import { CLIENT_KEY, CLIENT_TOKEN, GATEWAY_KEY, type Kind, OURS, startKind } from './kind.ts'

export const anthropic: Kind = {
  name: 'anthropic',
  thinking: 'own signature',
  credential: 'x-api-key',
  client: { apiKey: CLIENT_KEY },
  seesImages: true,
  translated: false,
  start: startKind({ apiKeys: [CLIENT_KEY] }, (baseUrl) => ({ kind: 'anthropic', baseUrl, credential: 'client' })),
}

/** A subscription's token, which only passes through. */
export const subscription: Kind = {
  name: 'anthropic with the OAuth token of the client',
  thinking: 'own signature',
  credential: 'authorization',
  client: { authToken: CLIENT_TOKEN },
  seesImages: true,
  translated: false,
  start: startKind({ apiKeys: [CLIENT_TOKEN] }, (baseUrl) => ({ kind: 'anthropic', baseUrl, credential: 'client' })),
}

/** Signs in as a machine of Google Cloud does: at the metadata server. */
export const vertex: Kind = {
  name: 'vertex',
  thinking: 'own signature',
  credential: 'authorization',
  google: true,
  seesImages: true,
  translated: false,
  start: startKind({ wire: 'vertex' }, (url) => ({ kind: 'vertex', project: 'my-project', baseUrl: `${url}/v1` })),
}

/** The Anthropic API itself, behind Google's tokens. */
export const managed: Kind = {
  name: 'vertex, preset anthropic-managed',
  thinking: 'own signature',
  credential: 'authorization',
  google: true,
  seesImages: true,
  translated: false,
  start: startKind({}, (baseUrl) => ({
    kind: 'vertex',
    preset: 'anthropic-managed',
    project: 'my-project',
    workspace: 'wrkspc_01',
    baseUrl,
  })),
}

export const openRouter: Kind = {
  name: 'openrouter',
  thinking: 'own signature',
  model: 'anthropic/claude-opus-5.5',
  credential: 'authorization',
  seesImages: true,
  translated: false,
  start: startKind({ wire: 'openrouter', apiKeys: [GATEWAY_KEY], trailingDone: true }, (url) => ({
    kind: 'openrouter',
    baseUrl: `${url}/api/v1`,
    credential: OURS,
  })),
}

/** Claude under names of Amazon's. */
export const bedrock: Kind = {
  name: 'anthropic-compatible, preset bedrock-mantle',
  thinking: 'own signature',
  model: 'anthropic.claude-opus-5-5',
  credential: 'authorization',
  seesImages: true,
  translated: false,
  start: startKind(
    { apiKeys: [GATEWAY_KEY], models: ['anthropic.claude-opus-5-5', 'anthropic.claude-haiku-4-5'] },
    (baseUrl) => ({
      kind: 'anthropic-compatible',
      preset: 'bedrock-mantle',
      region: 'us-east-1',
      baseUrl,
      credential: OURS,
    }),
  ),
}

/** Speaks the format without being Claude: signs its thinking itself, and checks nothing. */
export const vendor: Kind = {
  name: 'anthropic-compatible, preset kimi',
  thinking: 'wrapped signature',
  model: 'kimi-k3',
  credential: 'authorization',
  seesImages: true,
  translated: false,
  start: (cast) =>
    startKind({ apiKeys: [GATEWAY_KEY], models: ['kimi-k3'], strict: false }, (baseUrl) => ({
      kind: 'anthropic-compatible',
      preset: 'kimi',
      baseUrl,
      credential: OURS,
    }))({
      ...cast,
      ...(cast.script === undefined ? {} : { script: cast.script.map(signedEntry) }),
      ...(cast.story === undefined ? {} : { story: signedStory(cast.story) }),
    }),
}

/** What the vendor signs its thinking with. */
export const VENDOR_SIGNATURE = 'kimi/thinking+signature=='

const signed = (block: Block): Block =>
  block.type === 'thinking' && 'thinking' in block ? { ...block, signature: VENDOR_SIGNATURE } : block

const signedEntry = (entry: Script[number]): Script[number] => {
  if ('step' in entry) return { ...entry, step: signedStep(entry.step) }
  return signedStep(entry)
}

const signedStep = <S extends Exclude<Script[number], { readonly step: unknown }>>(step: S): S =>
  step._tag === 'Answer' && step.blocks !== undefined ? { ...step, blocks: step.blocks.map(signed) } : step

const signedStory = (story: Story): Story => ({
  ...story,
  main: story.main.map((turn) => turn.map(signed)),
  ...(story.subAgent === undefined ? {} : { subAgent: story.subAgent.map((turn) => turn.map(signed)) }),
})
