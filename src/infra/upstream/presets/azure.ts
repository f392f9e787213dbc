import { OPENAI_MODELS } from '#infra/upstream/presets/openai.ts'
import type { ChatPreset } from '#infra/upstream/profile.ts'

/** Azure OpenAI: models are asked for by the names of their deployments, so `models` must map them. */
export const azure: ChatPreset = {
  title: 'Azure OpenAI',
  dialect: 'openai',
  baseUrl: 'https://{resource}.openai.azure.com/openai/v1',
  credential: { env: 'AZURE_OPENAI_API_KEY', header: 'api-key' },
  pathsWith: {
    apiVersion: { call: '/chat/completions?api-version={apiVersion}', models: '/models?api-version={apiVersion}' },
  },
  ...OPENAI_MODELS,
}
