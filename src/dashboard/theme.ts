/**
 * Light, dark, or as the system has it. The choice is kept in this browser.
 */
import { signal } from '@preact/signals'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEY = 'signalbox.theme'

export const isTheme = (value: string | null): value is Theme => THEMES.some((theme) => theme === value)

const kept = localStorage.getItem(KEY)
export const theme = signal<Theme>(isTheme(kept) ? kept : 'system')

const dark = matchMedia('(prefers-color-scheme: dark)')
const isDarkNow = (): boolean => (theme.value === 'system' ? dark.matches : theme.value === 'dark')

/** What is seen; charts are drawn anew when it changes. */
export const isDark = signal(isDarkNow())

const show = (): void => {
  if (theme.value === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme.value
  isDark.value = isDarkNow()
}
show()
dark.addEventListener('change', show)

export const setTheme = (next: Theme): void => {
  localStorage.setItem(KEY, next)
  theme.value = next
  show()
}
