/// The group `compression.local`: each block is healed by itself before the whole model is.
package struct LocalHealingConfiguration: SettingGroup {
    /// Passes over the calibration rows; 0 leaves the phase out.
    package var epochs = 0
    package var learningRate = 1e-4

    package init() {}

    package static var settings: [Setting<LocalHealingConfiguration>] {
        [
            Setting("epochs", \.epochs, .trajectory, .from(0, to: 1000)),
            Setting("learning_rate", \.learningRate, .trajectory, .above(0, to: 10)),
        ]
    }
}
