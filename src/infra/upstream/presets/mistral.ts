import type { ChatPreset } from '#infra/upstream/profile.ts'

/** Mistral: ids of exactly nine alphanumerics, roles that alternate (providers 6.1). */
export const mistral: ChatPreset = {
  title: 'Mistral',
  dialect: 'openai',
  baseUrl: 'https://api.mistral.ai/v1',
  credential: { env: 'MISTRAL_API_KEY', header: 'bearer' },
  quirks: {
    toolIds: 'alnum9',
    strictAlternation: true,
    systemFirstOnly: true,
    emptyInsteadOfNull: true,
    noStreamOptions: true,
  },
}
