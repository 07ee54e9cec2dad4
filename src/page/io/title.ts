import { useEffect } from 'preact/hooks'

/** The title of the tab, while a view is shown. */
export function useTitle(text: string): void {
  useEffect(() => {
    document.title = `${text} · RunnerHub`
  }, [text])
}
