# For npm's and node-gyp's convention only: the list of sources is in CMakeLists.txt, and scripts/build compiles it.
# "node-gyp rebuild" empties build/ first, of the static executable too: scripts/build makes it again.
{
  "targets": [
    {
      "target_name": "runts",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "message": "Building build/Release/runts.node with CMake",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["always"],
          "action": ["scripts/build", "addon"]
        }
      ]
    }
  ]
}
