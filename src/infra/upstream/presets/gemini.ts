import type { OpenAiQuirks } from '#domain/dialect/openai/target.ts'
import type { ChatPreset } from '#infra/upstream/profile.ts'

/** Gemini's OpenAI dialect, on Vertex AI and in AI Studio alike (providers 2.7, 6.1). */
export const GEMINI_QUIRKS: Partial<OpenAiQuirks> = {
  systemFirstOnly: true,
  noParallelToolCalls: true,
  schema: 'gemini',
  reasoning: 'reasoning_effort',
  efforts: ['none', 'low', 'medium', 'high'],
  geminiThoughtSignature: true,
  // Of the 2.5 generation, whose bound itself is refused on Vertex AI (general knowledge).
  maxOutputTokens: 65_535,
}

/** Gemini in Google AI Studio, with an API key. */
export const gemini: ChatPreset = {
  title: 'Google AI Studio (Gemini)',
  dialect: 'openai',
  baseUrl: 'https://generativelanguage.googleapis.com/v1beta/openai',
  credential: { env: 'GEMINI_API_KEY', header: 'bearer' },
  models: {
    'claude-fable-*': 'gemini-4-argon',
    'claude-opus-*': 'gemini-4-argon',
    'claude-sonnet-*': 'gemini-3.8-flash',
    'claude-haiku-*': 'gemini-2.5-flash',
  },
  quirks: GEMINI_QUIRKS,
}
