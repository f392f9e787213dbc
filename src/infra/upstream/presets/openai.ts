import type { ChatPreset } from '#infra/upstream/profile.ts'

/** What holds for OpenAI's models wherever they are served. */
export const OPENAI_MODELS: Pick<ChatPreset, 'quirks' | 'modelQuirks'> = {
  quirks: {
    schema: 'openai',
    maxTools: 128,
    maxDescription: 1_024,
    fileParts: true,
    maxOutputTokens: 32_768,
    userField: 'safety_identifier',
  },
  modelQuirks: [
    { models: ['*gpt-4o*'], quirks: { maxOutputTokens: 16_384 } },
    {
      models: ['o1*', 'o3*', 'o4*', '*/o1*', '*/o3*', '*/o4*', '*gpt-5*', '*gpt-6*'],
      quirks: {
        maxTokensField: 'max_completion_tokens',
        systemRole: 'developer',
        maxOutputTokens: 128_000,
        noSampling: true,
        noStop: true,
        reasoning: 'reasoning_effort',
        efforts: ['minimal', 'low', 'medium', 'high'],
      },
    },
    { models: ['*gpt-6*'], quirks: { efforts: ['none', 'low', 'medium', 'high', 'xhigh', 'max'] } },
  ],
}

/** OpenAI's own API (providers 5). */
export const openai: ChatPreset = {
  title: 'OpenAI',
  dialect: 'openai',
  baseUrl: 'https://api.openai.com/v1',
  credential: { env: 'OPENAI_API_KEY', header: 'bearer' },
  models: {
    'claude-fable-*': 'gpt-6-astra',
    'claude-opus-*': 'gpt-6-astra',
    'claude-sonnet-*': 'gpt-6.1-sol',
    'claude-haiku-*': 'gpt-6-luna',
  },
  ...OPENAI_MODELS,
}

/** Any server of the chat dialect that no preset describes: it gets only what every server is known to take. */
export const anyOpenAi: ChatPreset = { title: 'any server', dialect: 'openai', credential: 'none' }
