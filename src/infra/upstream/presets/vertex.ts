import { GEMINI_QUIRKS } from '#infra/upstream/presets/gemini.ts'
import type { AnthropicPreset, ChatPreset, SettingUse } from '#infra/upstream/profile.ts'

const CLAUDE = '/projects/{project}/locations/{location}/publishers/anthropic/models'
/** Google's own variables, then the one of Claude Code; the order is Claude Code's. */
const PROJECT: SettingUse = {
  variables: ['GOOGLE_CLOUD_PROJECT', 'GCLOUD_PROJECT', 'ANTHROPIC_VERTEX_PROJECT_ID'],
}
/** `global` costs no premium, and has the newest models (providers 2.1). */
const LOCATION: SettingUse = { variables: ['CLOUD_ML_REGION'], default: 'global' }

const BASES = {
  baseUrl: 'https://{location}-aiplatform.googleapis.com/v1',
  baseUrlBy: {
    location: {
      global: 'https://aiplatform.googleapis.com/v1',
      us: 'https://aiplatform.us.rep.googleapis.com/v1',
      eu: 'https://aiplatform.eu.rep.googleapis.com/v1',
    },
  },
  settings: { project: PROJECT, location: LOCATION },
  credential: 'adc',
} as const

/** Claude on Vertex AI, managed by Google (providers 2). */
export const vertex: AnthropicPreset = {
  ...BASES,
  title: 'Claude on Vertex AI, managed by Google',
  dialect: 'anthropic',
  bodyForm: 'vertex',
  paths: {
    call: `${CLAUDE}/{model}:rawPredict`,
    stream: `${CLAUDE}/{model}:streamRawPredict`,
    countTokens: `${CLAUDE}/count-tokens:rawPredict`,
  },
  naming: 'vertex',
  lists: 'claude',
  maxBodyBytes: 30_000_000,
  // providers 2.6
  without: [
    'field:inference_geo',
    'field:speed',
    'field:service_tier',
    'field:cache_control',
    'field:container',
    'field:mcp_servers',
    'field:fallbacks',
    'field:diagnostics',
    'field:output_config.task_budget',
  ],
  lacks: [
    'source:url',
    'source:file',
    'tool:web_search_2026*',
    'tool:web_fetch_*',
    'tool:code_execution_*',
    'tool:advisor_*',
  ],
  notes: ['`global` costs no premium; a region has only Claude Sonnet 4.6 and older.'],
}

/** The first-party API on Google Cloud, managed by Anthropic: no rewriting (providers 2). */
export const vertexAnthropic: AnthropicPreset = {
  title: 'Claude on Google Cloud, managed by Anthropic',
  dialect: 'anthropic',
  baseUrl: 'https://claude.googleapis.com/v1/projects/{project}/locations/{location}/workspaces/{workspace}/invoke',
  settings: { project: PROJECT, location: LOCATION, workspace: {} },
  credential: 'adc',
}

/** Gemini on Vertex AI through its OpenAI dialect (providers 2.7). */
export const vertexGemini: ChatPreset = {
  ...BASES,
  title: 'Gemini on Vertex AI',
  dialect: 'openai',
  paths: { call: '/projects/{project}/locations/{location}/endpoints/openapi/chat/completions' },
  models: {
    'claude-fable-*': 'google/gemini-4-argon',
    'claude-opus-*': 'google/gemini-4-argon',
    'claude-sonnet-*': 'google/gemini-3.8-flash',
    'claude-haiku-*': 'google/gemini-2.5-flash',
  },
  quirks: GEMINI_QUIRKS,
}
