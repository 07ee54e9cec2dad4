import { render } from 'preact'
import { App } from './view/app.tsx'

const place = document.querySelector('#page')
if (place !== null) render(<App />, place)
