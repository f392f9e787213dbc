/**
 * The kinds that speak chat completions: as strict as OpenAI, or with the deviations of the servers that imitate it.
 */
import { GATEWAY_KEY, type Kind, OURS, startKind } from './kind.ts'

export const gemini: Kind = {
  name: 'vertex, preset gemini',
  thinking: 'none',
  credential: 'authorization',
  google: true,
  seesImages: true,
  translated: true,
  start: startKind({ wire: 'vertex' }, (url) => ({
    kind: 'vertex',
    preset: 'gemini',
    project: 'my-project',
    baseUrl: `${url}/v1`,
  })),
}

export const openRouterChat: Kind = {
  name: 'openrouter, a model in chat completions',
  thinking: 'our mark',
  credential: 'authorization',
  seesImages: true,
  translated: true,
  start: startKind({ wire: 'openrouter', apiKeys: [GATEWAY_KEY], models: ['z-ai/glm-5'] }, (url) => ({
    kind: 'openrouter',
    baseUrl: `${url}/api/v1`,
    credential: OURS,
    models: { 'claude-*': 'z-ai/glm-5' },
    chatModels: ['z-ai/*'],
  })),
}

/** Its service has ended; its dialect is still spoken elsewhere, without the small limits. */
export const githubModels: Kind = {
  name: 'github-models at an address of its own',
  thinking: 'none',
  credential: 'authorization',
  seesImages: true,
  translated: true,
  start: startKind(
    {
      wire: 'github-models',
      apiKeys: [GATEWAY_KEY],
      models: ['openai/gpt-4.1', 'openai/gpt-4.1-mini'],
      maxInputTokens: 1_000_000,
    },
    (baseUrl) => ({ kind: 'github-models', baseUrl, credential: OURS }),
  ),
}

export const openai: Kind = {
  name: 'openai-compatible, preset openai',
  thinking: 'none',
  credential: 'authorization',
  seesImages: true,
  translated: true,
  start: startKind({ wire: 'openai', apiKeys: [GATEWAY_KEY] }, (url) => ({
    kind: 'openai-compatible',
    preset: 'openai',
    baseUrl: `${url}/v1`,
    credential: OURS,
  })),
}

/** Names its deployments as it likes, and looks for the key in a header of its own. */
export const azure: Kind = {
  name: 'openai-compatible, preset azure',
  thinking: 'none',
  credential: 'api-key',
  seesImages: true,
  translated: true,
  start: startKind({ wire: 'openai', prefix: '/openai/v1', models: ['gpt-6-astra-work'] }, (url) => ({
    kind: 'openai-compatible',
    preset: 'azure',
    resource: 'my-resource',
    baseUrl: `${url}/openai/v1`,
    credential: OURS,
    models: { 'claude-*': 'gpt-6-astra-work' },
  })),
}

export const mistral: Kind = {
  name: 'openai-compatible, preset mistral',
  thinking: 'none',
  credential: 'authorization',
  seesImages: true,
  translated: true,
  streamError: 'api_error',
  callIds: /^[a-zA-Z0-9]{9}$/,
  start: startKind(
    {
      wire: 'openai',
      apiKeys: [GATEWAY_KEY],
      models: ['mistral-large-latest'],
      sloppy: { noStreamOptions: true, maxTokensOnly: true, fastapiErrors: true },
    },
    (url) => ({
      kind: 'openai-compatible',
      preset: 'mistral',
      baseUrl: `${url}/v1`,
      credential: OURS,
      models: { 'claude-*': 'mistral-large-latest' },
    }),
  ),
}

export const deepseek: Kind = {
  name: 'openai-compatible, preset deepseek',
  thinking: 'our mark',
  credential: 'authorization',
  seesImages: false,
  translated: true,
  start: startKind(
    {
      wire: 'openai',
      apiKeys: [GATEWAY_KEY],
      models: ['deepseek-v4-pro', 'deepseek-flash'],
      accepts: ['thinking', 'messages.reasoning_content'],
      sloppy: { reasoningContent: 'reasoning_content', keepAliveComments: true },
    },
    (url) => ({ kind: 'openai-compatible', preset: 'deepseek', baseUrl: `${url}/v1`, credential: OURS }),
  ),
}

/** As Ollama deviates, with the ids of Kimi. */
export const ollama: Kind = {
  name: 'openai-compatible, preset ollama',
  thinking: 'our mark',
  credential: undefined,
  seesImages: true,
  translated: true,
  streamError: 'api_error',
  start: startKind(
    {
      wire: 'openai',
      models: ['qwen3:30b'],
      accepts: ['top_k'],
      sloppy: {
        toolCallFinishStop: true,
        noUsage: true,
        noDone: true,
        objectArguments: true,
        illegalIds: true,
        reasoningContent: 'reasoning',
        stringErrors: true,
        maxTokensOnly: true,
      },
    },
    (url) => ({
      kind: 'openai-compatible',
      preset: 'ollama',
      baseUrl: `${url}/v1`,
      models: { 'claude-*': 'qwen3:30b' },
    }),
  ),
}

/** Everything else that a server can do otherwise without contradicting itself. */
export const sloppy: Kind = {
  name: 'openai-compatible, preset vllm, as sloppy as can be',
  thinking: 'our mark',
  credential: undefined,
  seesImages: true,
  translated: true,
  start: startKind(
    {
      wire: 'openai',
      models: ['qwen3:30b'],
      accepts: ['top_k'],
      sloppy: {
        toolCallFinishStop: true,
        noDone: true,
        repeatedIdAndName: true,
        wholeArgumentsEachTime: true,
        interleavedCalls: true,
        illegalIds: true,
        thinkTags: true,
        keepAliveComments: true,
        emptyDeltas: true,
        usageWithChoice: true,
        errorIn200Stream: true,
        maxTokensOnly: true,
        nulls: true,
      },
    },
    (url) => ({ kind: 'openai-compatible', preset: 'vllm', baseUrl: `${url}/v1`, models: { 'claude-*': 'qwen3:30b' } }),
  ),
}

/** A server that no preset describes, with calls that are neither counted nor named. */
export const unknown: Kind = {
  name: 'openai-compatible, any server',
  thinking: 'none',
  credential: 'authorization',
  seesImages: true,
  translated: true,
  start: startKind(
    {
      wire: 'openai',
      apiKeys: [GATEWAY_KEY],
      models: ['my-model'],
      sloppy: { noIndex: true, noIds: true, noUsage: true, arrayErrors: true, maxTokensOnly: true },
    },
    (url) => ({
      kind: 'openai-compatible',
      baseUrl: `${url}/v1`,
      credential: { ...OURS, header: 'bearer' },
      models: { 'claude-*': 'my-model' },
    }),
  ),
}
