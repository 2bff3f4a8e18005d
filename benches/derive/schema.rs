//! How large an encoded schema is.

use bus::Message;
use bus::message::Schema;
use serde_json::{Value, json};

/// A struct with fields of five types in turn, and the same with documentation.
macro_rules! record {
    ($plain:ident $documented:ident: $($a:ident $b:ident $c:ident $d:ident $e:ident)*) => {
        #[derive(Message)]
        #[message(name = "Telemetry", no_tokens)]
        #[repr(C)]
        struct $plain {
            $($a: f64, $b: f32, $c: u32, $d: [i16; 3], $e: bool,)*
        }

        /// What the machine reports of itself, ten times a second.
        #[derive(Message)]
        #[message(name = "Telemetry", no_tokens)]
        #[repr(C)]
        struct $documented {
            $(
                /// As measured last; NaN before the first measurement.
                $a: f64,
                /// Smoothed over the last second.
                $b: f32,
                /// Since the beginning; zero when the machine was started.
                $c: u32,
                /// Along the three axes, in the coordinates of the machine.
                $d: [i16; 3],
                /// Whether there was a fault.
                $e: bool,
            )*
        }
    };
}

macro_rules! records {
    ([$($first:ident)*] [$($second:ident)*] [$($third:ident)*]) => {
        record!(Small SmallDocumented: $($first)*);
        record!(Middle MiddleDocumented: $($first)* $($second)*);
        record!(Large LargeDocumented: $($first)* $($second)* $($third)*);
    };
}

records! {
    [
        battery_voltage battery_current battery_temperature battery_pressure battery_position
    ]
    [
        battery_velocity battery_acceleration battery_torque battery_power battery_energy battery_level
        battery_flow battery_status battery_mode battery_errors battery_count battery_offset battery_gain
        battery_bias battery_limit battery_minimum battery_maximum battery_average battery_age
        battery_quality motor_voltage motor_current motor_temperature motor_pressure motor_position
        motor_velocity motor_acceleration motor_torque motor_power motor_energy motor_level motor_flow
        motor_status motor_mode motor_errors motor_count motor_offset motor_gain motor_bias motor_limit
        motor_minimum motor_maximum motor_average motor_age motor_quality
    ]
    [
        wheel_voltage wheel_current wheel_temperature wheel_pressure wheel_position wheel_velocity
        wheel_acceleration wheel_torque wheel_power wheel_energy wheel_level wheel_flow wheel_status
        wheel_mode wheel_errors wheel_count wheel_offset wheel_gain wheel_bias wheel_limit wheel_minimum
        wheel_maximum wheel_average wheel_age wheel_quality arm_voltage arm_current arm_temperature
        arm_pressure arm_position arm_velocity arm_acceleration arm_torque arm_power arm_energy arm_level
        arm_flow arm_status arm_mode arm_errors arm_count arm_offset arm_gain arm_bias arm_limit arm_minimum
        arm_maximum arm_average arm_age arm_quality gripper_voltage gripper_current gripper_temperature
        gripper_pressure gripper_position gripper_velocity gripper_acceleration gripper_torque gripper_power
        gripper_energy gripper_level gripper_flow gripper_status gripper_mode gripper_errors gripper_count
        gripper_offset gripper_gain gripper_bias gripper_limit gripper_minimum gripper_maximum
        gripper_average gripper_age gripper_quality camera_voltage camera_current camera_temperature
        camera_pressure camera_position camera_velocity camera_acceleration camera_torque camera_power
        camera_energy camera_level camera_flow camera_status camera_mode camera_errors camera_count
        camera_offset camera_gain camera_bias camera_limit camera_minimum camera_maximum camera_average
        camera_age camera_quality lidar_voltage lidar_current lidar_temperature lidar_pressure
        lidar_position lidar_velocity lidar_acceleration lidar_torque lidar_power lidar_energy lidar_level
        lidar_flow lidar_status lidar_mode lidar_errors lidar_count lidar_offset lidar_gain lidar_bias
        lidar_limit lidar_minimum lidar_maximum lidar_average lidar_age lidar_quality radar_voltage
        radar_current radar_temperature radar_pressure radar_position radar_velocity radar_acceleration
        radar_torque radar_power radar_energy radar_level radar_flow radar_status radar_mode radar_errors
        radar_count radar_offset radar_gain radar_bias radar_limit radar_minimum radar_maximum radar_average
        radar_age radar_quality sonar_voltage sonar_current sonar_temperature sonar_pressure sonar_position
        sonar_velocity sonar_acceleration sonar_torque sonar_power sonar_energy sonar_level sonar_flow
        sonar_status sonar_mode sonar_errors sonar_count sonar_offset sonar_gain sonar_bias sonar_limit
        sonar_minimum sonar_maximum sonar_average sonar_age sonar_quality gyro_voltage gyro_current
        gyro_temperature gyro_pressure gyro_position gyro_velocity gyro_acceleration gyro_torque gyro_power
        gyro_energy gyro_level gyro_flow gyro_status gyro_mode gyro_errors gyro_count gyro_offset gyro_gain
        gyro_bias gyro_limit gyro_minimum gyro_maximum gyro_average gyro_age gyro_quality compass_voltage
        compass_current compass_temperature compass_pressure compass_position compass_velocity
        compass_acceleration compass_torque compass_power compass_energy compass_level compass_flow
        compass_status compass_mode compass_errors compass_count compass_offset compass_gain compass_bias
        compass_limit compass_minimum compass_maximum compass_average compass_age compass_quality
        antenna_voltage antenna_current antenna_temperature antenna_pressure antenna_position
        antenna_velocity antenna_acceleration antenna_torque antenna_power antenna_energy antenna_level
        antenna_flow antenna_status antenna_mode antenna_errors antenna_count antenna_offset antenna_gain
        antenna_bias antenna_limit antenna_minimum antenna_maximum antenna_average antenna_age
        antenna_quality tank_voltage tank_current tank_temperature tank_pressure tank_position tank_velocity
        tank_acceleration tank_torque tank_power tank_energy tank_level tank_flow tank_status tank_mode
        tank_errors tank_count tank_offset tank_gain tank_bias tank_limit tank_minimum tank_maximum
        tank_average tank_age tank_quality valve_voltage valve_current valve_temperature valve_pressure
        valve_position valve_velocity valve_acceleration valve_torque valve_power valve_energy valve_level
        valve_flow valve_status valve_mode valve_errors valve_count valve_offset valve_gain valve_bias
        valve_limit valve_minimum valve_maximum valve_average valve_age valve_quality pump_voltage
        pump_current pump_temperature pump_pressure pump_position pump_velocity pump_acceleration
        pump_torque pump_power pump_energy pump_level pump_flow pump_status pump_mode pump_errors pump_count
        pump_offset pump_gain pump_bias pump_limit pump_minimum pump_maximum pump_average pump_age
        pump_quality heater_voltage heater_current heater_temperature heater_pressure heater_position
        heater_velocity heater_acceleration heater_torque heater_power heater_energy heater_level
        heater_flow heater_status heater_mode heater_errors heater_count heater_offset heater_gain
        heater_bias heater_limit heater_minimum heater_maximum heater_average heater_age heater_quality
        cooler_voltage cooler_current cooler_temperature cooler_pressure cooler_position cooler_velocity
        cooler_acceleration cooler_torque cooler_power cooler_energy cooler_level cooler_flow cooler_status
        cooler_mode cooler_errors cooler_count cooler_offset cooler_gain cooler_bias cooler_limit
        cooler_minimum cooler_maximum cooler_average cooler_age cooler_quality cabin_voltage cabin_current
        cabin_temperature cabin_pressure cabin_position cabin_velocity cabin_acceleration cabin_torque
        cabin_power cabin_energy cabin_level cabin_flow cabin_status cabin_mode cabin_errors cabin_count
        cabin_offset cabin_gain cabin_bias cabin_limit cabin_minimum cabin_maximum cabin_average cabin_age
        cabin_quality engine_voltage engine_current engine_temperature engine_pressure engine_position
        engine_velocity engine_acceleration engine_torque engine_power engine_energy engine_level
        engine_flow engine_status engine_mode engine_errors engine_count engine_offset engine_gain
        engine_bias engine_limit engine_minimum engine_maximum engine_average engine_age engine_quality
        turbine_voltage turbine_current turbine_temperature turbine_pressure turbine_position
        turbine_velocity turbine_acceleration turbine_torque turbine_power turbine_energy turbine_level
        turbine_flow turbine_status turbine_mode turbine_errors turbine_count turbine_offset turbine_gain
        turbine_bias turbine_limit turbine_minimum turbine_maximum turbine_average turbine_age
        turbine_quality
    ]
}

/// The figures of all structs, which are also printed.
pub(crate) fn measure() -> Vec<Value> {
    let structs: [(usize, bool, Schema); 6] = [
        (5, false, Schema::of::<Small>()),
        (5, true, Schema::of::<SmallDocumented>()),
        (50, false, Schema::of::<Middle>()),
        (50, true, Schema::of::<MiddleDocumented>()),
        (500, false, Schema::of::<Large>()),
        (500, true, Schema::of::<LargeDocumented>()),
    ];
    println!("\nencoded schemas");
    println!("{:<8} {:<14} {:>8} {:>12}", "fields", "documentation", "bytes", "per field");
    let rows = structs.iter().map(|(fields, docs, schema)| {
        assert_eq!(schema.fields().len(), *fields);
        let bytes = schema.encode().len();
        let (words, per_field) = (if *docs { "yes" } else { "no" }, bytes as f64 / *fields as f64);
        println!("{fields:<8} {words:<14} {bytes:>8} {per_field:>12.1}");
        json!({ "figure": "schema", "fields": fields, "documentation": docs, "bytes": bytes })
    });
    rows.collect()
}
