// The plotting library as the page loads it: the status server hands out the package's own file under
// this name (see page-assets.ts), since a browser knows no package names.
export { default } from 'uplot'
