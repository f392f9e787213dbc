import type { AnthropicPreset, ChatPreset } from '#infra/upstream/profile.ts'

// Servers on the own machine or network, in both dialects. They know neither Claude's tools nor its thinking.

const anthropic = (title: string, baseUrl: string): AnthropicPreset => ({
  title,
  dialect: 'anthropic',
  baseUrl,
  credential: 'none',
  paths: { call: '/v1/messages' },
  lacks: ['only:server-tools', 'source:url', 'source:file'],
  foreignThinking: true,
})

const chat = (title: string, baseUrl: string, quirks: ChatPreset['quirks'] = {}): ChatPreset => ({
  title,
  dialect: 'openai',
  baseUrl,
  credential: 'none',
  quirks: { systemFirstOnly: true, thinkTags: true, topK: true, ...quirks },
})

export const ollamaAnthropic = anthropic('Ollama', 'http://127.0.0.1:11434')
export const vllmAnthropic = anthropic('vLLM', 'http://127.0.0.1:8000')
export const llamaCppAnthropic = anthropic('llama.cpp', 'http://127.0.0.1:8081')
export const lmStudioAnthropic = anthropic('LM Studio', 'http://127.0.0.1:1234')

export const ollama = chat('Ollama', 'http://127.0.0.1:11434/v1', {
  noRequiredToolChoice: true,
  noParallelToolCalls: true,
})
export const vllm = chat('vLLM', 'http://127.0.0.1:8000/v1')
/** Its own default port is Signalbox's: start it with `--port 8081`. */
export const llamaCpp = chat('llama.cpp', 'http://127.0.0.1:8081/v1')
export const lmStudio = chat('LM Studio', 'http://127.0.0.1:1234/v1', { noRequiredToolChoice: true })
