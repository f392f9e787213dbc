/**
 * One simulated provider per kind and wire, with the entry that a configuration would have for it.
 */
import type { Kind } from './kind.ts'
import * as claude from './kinds-anthropic.ts'
import * as chat from './kinds-chat.ts'

export const KINDS = {
  anthropic: claude.anthropic,
  subscription: claude.subscription,
  vertex: claude.vertex,
  managed: claude.managed,
  gemini: chat.gemini,
  openRouter: claude.openRouter,
  openRouterChat: chat.openRouterChat,
  githubModels: chat.githubModels,
  openai: chat.openai,
  azure: chat.azure,
  mistral: chat.mistral,
  deepseek: chat.deepseek,
  ollama: chat.ollama,
  sloppy: chat.sloppy,
  unknown: chat.unknown,
  vendor: claude.vendor,
  bedrock: claude.bedrock,
} as const satisfies { readonly [key: string]: Kind }
