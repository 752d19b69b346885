// The visitors' page, checked for accessibility in each of its states.
import { checkScenes } from './a11y_checks.mjs'
import { scenes } from './scenes.mjs'

checkScenes(scenes)
