import { OPENAI_MODELS } from '#infra/upstream/presets/openai.ts'
import type { ChatPreset } from '#infra/upstream/profile.ts'

/** Azure OpenAI, at the path that needs no version (general knowledge; a version is a setting where an endpoint wants one). */
export const azure: ChatPreset = {
  title: 'Azure OpenAI',
  dialect: 'openai',
  baseUrl: 'https://{resource}.openai.azure.com/openai/v1',
  settings: { resource: {}, apiVersion: { optional: true } },
  credential: { env: 'AZURE_OPENAI_API_KEY', header: 'api-key' },
  pathsWith: {
    apiVersion: { call: '/chat/completions?api-version={apiVersion}', models: '/models?api-version={apiVersion}' },
  },
  ...OPENAI_MODELS,
  notes: [
    'Models are asked for by the names of your deployments, so `models` must map them. A deployment whose name does not tell its model needs the quirks of the model (`maxTokensField`, `noSampling`, `reasoning`).',
  ],
}
