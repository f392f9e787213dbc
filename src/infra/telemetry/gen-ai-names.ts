/**
 * OpenTelemetry's names for what our events and metrics hold: the one place that knows them, because they are in flux. State of
 * semantic-conventions-genai 1.42, where all of them are "Development" (reliability 6). docs/metrics.md shows them.
 */
import type { Usage } from '#domain/usage.ts'

/** The schema that spans with these names declare. */
export const GEN_AI_SCHEMA_URL = 'https://opentelemetry.io/schemas/gen-ai/1.42.0'

/** What every attempt is, as `gen_ai.operation.name`. */
export const GEN_AI_OPERATION = 'chat'

/** Field of an event → attribute. */
export const GEN_AI_ATTRIBUTES = {
  'RequestAdmitted.stream': 'gen_ai.request.stream',
  'RequestAdmitted.maxTokens': 'gen_ai.request.max_tokens',
  'RequestAdmitted.sessionId': 'gen_ai.conversation.id',
  'AttemptStarted.provider': 'gen_ai.provider.name',
  'AttemptStarted.model': 'gen_ai.request.model',
  'AttemptSucceeded.model': 'gen_ai.response.model',
  'AttemptSucceeded.upstreamRequestId': 'gen_ai.response.id',
  /** A list of one. */
  'AttemptSucceeded.stopReason': 'gen_ai.response.finish_reasons',
  /** In seconds. */
  'AttemptSucceeded.ttftMs': 'gen_ai.response.time_to_first_chunk',
  'AttemptFailed.reason': 'error.type',
} as const

/** A usage as attributes: there, `input_tokens` is the whole prompt. */
export const genAiUsage = (usage: Usage): Readonly<Record<string, number>> => {
  const written = usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  return {
    'gen_ai.usage.input_tokens': usage.inputTokens + usage.cacheReadTokens + written,
    'gen_ai.usage.output_tokens': usage.outputTokens,
    'gen_ai.usage.cache_read.input_tokens': usage.cacheReadTokens,
    'gen_ai.usage.cache_creation.input_tokens': written,
  }
}

/** Our metric → theirs that measures the same. */
export const GEN_AI_METRICS = {
  signalbox_attempt_duration_seconds: 'gen_ai.client.operation.duration',
  signalbox_time_to_first_token_seconds: 'gen_ai.client.operation.time_to_first_chunk',
  signalbox_time_per_output_token_seconds: 'gen_ai.client.operation.time_per_output_chunk',
  signalbox_request_duration_seconds: 'gen_ai.server.request.duration',
  signalbox_tokens_total: 'gen_ai.client.token.usage',
} as const

/** Label of our metrics → attribute. */
export const GEN_AI_LABELS = {
  provider: 'gen_ai.provider.name',
  model: 'gen_ai.request.model',
  type: 'gen_ai.token.type',
  reason: 'error.type',
} as const

/** Kind or preset of a provider → the value of `gen_ai.provider.name`, where the conventions have one. */
export const GEN_AI_PROVIDERS: Readonly<Record<string, string>> = {
  vertex: 'gcp.vertex_ai',
  gemini: 'gcp.gemini',
  'bedrock-mantle': 'aws.bedrock',
  azure: 'azure.ai.openai',
  foundry: 'azure.ai.inference',
  'github-models': 'azure.ai.inference',
  mistral: 'mistral_ai',
  xai: 'x_ai',
  kimi: 'moonshot_ai',
}

/** Without one a provider has the name of its kind or preset. */
export const genAiProviderName = (kind: string): string => GEN_AI_PROVIDERS[kind] ?? kind
