// Asks a catalog with Spotify's own TypeScript SDK: node spotify.mjs ADDRESS TRACK_ID... prints one JSON object.
import { SpotifyApi } from "@spotify/web-api-ts-sdk";

const [address, ...ids] = process.argv.slice(2);
const token = { access_token: "any", token_type: "Bearer", expires_in: 3600, refresh_token: "" };
const sdk = SpotifyApi.withAccessToken("client", token, {
  fetch: (url, init) => fetch(String(url).replace("https://api.spotify.com", address), init),
});

const features = await sdk.tracks.audioFeatures(ids);
const { genres } = await sdk.recommendations.genreSeeds();
const recommended = await sdk.recommendations.get({ seed_tracks: [ids[0]], seed_genres: [genres[0]], limit: 100 });
const found = await sdk.search(process.env.QUERY, ["track"], undefined, 50);
console.log(
  JSON.stringify({
    features,
    genres,
    one: await sdk.tracks.get(ids[0]),
    tracks: await sdk.tracks.get(ids),
    recommended,
    found: found.tracks,
  }),
);
